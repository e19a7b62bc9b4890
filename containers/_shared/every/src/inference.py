"""What the endpoint does: load the model once, then predict for each request.

Requests and answers are decoded and encoded for you (JSON, CSV, NPY); write ``input_fn`` and
``output_fn`` only for formats of your own.
"""

from pathlib import Path

import joblib
import numpy as np


def model_fn(model_dir):
    """The model that training saved; called once when the container starts."""
    return joblib.load(Path(model_dir) / "model.joblib")


def predict_fn(data, model):
    """One species for each row of *data*."""
    return model.predict(np.atleast_2d(data))
