#!/bin/bash
# What ModelTrainer of the SageMaker SDK 3 starts in place of an image's own entrypoint, in its order (TMD-01 to
# TMD-08): find Python and pip, show the job, write and read the environment, run the script in its folder.
set -e
drivers=/opt/ml/input/data/sm_drivers
failure=/opt/ml/output/failure

failed() {
  code=$?
  echo "the driver ends with exit code $code"
  [ -s "$failure" ] || echo "the training script ended with exit code $code; job $TRAINING_JOB_NAME" >"$failure"
  exit "$code"
}
trap failed ERR

SM_PYTHON_CMD=$(command -v python3 || command -v python || true)
SM_PIP_CMD=$(command -v pip3 || command -v pip || true)
if [ -z "$SM_PYTHON_CMD" ] || [ -z "$SM_PIP_CMD" ]; then
  echo "ModelTrainer needs python3 and pip on the PATH of the image (TMD-02):" \
    "python is '$SM_PYTHON_CMD', pip is '$SM_PIP_CMD'" | tee "$failure"
  exit 1
fi

"$SM_PYTHON_CMD" --version
for file in resourceconfig.json inputdataconfig.json; do
  echo "/opt/ml/input/config/$file:"
  cat "/opt/ml/input/config/$file"
  echo
done

"$SM_PYTHON_CMD" "$drivers/scripts/environment.py"
# shellcheck disable=SC1091 # it is written by the line above
source /opt/ml/input/sm_training.env

cd /opt/ml/input/data/code
"$SM_PYTHON_CMD" "$drivers/distributed_drivers/basic_script_driver.py"
echo "the training script has ended well"
