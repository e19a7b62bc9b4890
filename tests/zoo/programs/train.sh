#!/bin/bash
# Trains with the tools of every Linux: the mean of the last column.
set -u
ml=/opt/ml
host=$(sed -n 's/.*"current_host": *"\([^"]*\)".*/\1/p' $ml/input/config/resourceconfig.json)
first=$(tr -d ' \n' < $ml/input/config/resourceconfig.json | sed -n 's/.*"hosts":\["\([^"]*\)".*/\1/p')

fail() {
  echo "$1" >&2
  echo "$1" > $ml/output/failure
  exit 1
}

case "${1:-train}" in train) ;; *) echo "unknown command $1: it is train" >&2; exit 2 ;; esac

stop() {
  trap '' TERM
  echo "SIGTERM: saving what there is"
  [ "$host" = "$first" ] && echo "${mean:-0}" > $ml/model/mean
  exit 0
}
trap stop TERM

[ -d $ml/input/data ] && [ -n "$(ls $ml/input/data)" ] || fail "there is no channel: give one with rows of numbers"
mode=$(tr -d ' \n' < $ml/input/config/inputdataconfig.json)
rows() {
  case "$mode" in
    *'"TrainingInputMode":"Pipe"'*) for pipe in $ml/input/data/*_0; do cat "$pipe"; done ;;
    *) find $ml/input/data -type f -exec cat {} + ;;
  esac
}
[ -f $ml/checkpoints/mean ] && echo "resuming from $(cat $ml/checkpoints/mean)"
mean=$(rows | tr '\0' '\n' | awk -F, '$NF + 0 == $NF {sum += $NF; n++} END {print n ? sum / n : 0}')
for epoch in 1 2 3; do
  sleep 0.4 & wait $!
  echo "epoch=$epoch loss=0.$epoch;"
done
if [ -d $ml/checkpoints ]; then
  echo "$mean" > $ml/checkpoints/mean.tmp && mv $ml/checkpoints/mean.tmp $ml/checkpoints/mean
fi
if [ "$host" = "$first" ]; then
  echo "$mean" > $ml/model/mean || fail "the model could not be saved"
fi
echo done
