"""What keeps its version in a base unless the spec says otherwise."""

__all__ = ["ABI", "PATCHED", "PREBUILT", "PROTECTED"]

PROTECTED = (
    "torch",
    "torchvision",
    "torchaudio",
    "torchtext",
    "torchdata",
    "tensorflow",
    "tensorflow-*",
    "keras",
    "jax",
    "jaxlib",
    "mxnet*",
    "nvidia-*",
    "cuda-*",
    "cupy*",
    "triton",
    "flash-attn*",
    "transformer-engine*",
    "xformers",
    "apex",
    "horovod",
    "mpi4py",
    "smdebug*",
    "smdistributed*",
    "sagemaker-*training*",
    "sagemaker-*inference*",
    "multi-model-server",
)
"""Compiled against one another, or patched, in prebuilt images: shell patterns over normal names."""

ABI = frozenset({"numpy"})
"""Protected in their major version only: what was compiled against one does not load with another."""

PREBUILT = "com.amazonaws.ml.engines.sagemaker.dlc"
"""The beginning of labels that AWS's prebuilt images have."""

PATCHED = (
    "torch",
    "torchvision",
    "torchaudio",
    "tensorflow",
    "triton",
    "nvidia-",
    "sagemaker-",
    "flash-attn",
)
"""Beginnings of names that prebuilt images patch in place or compile other packages against."""
