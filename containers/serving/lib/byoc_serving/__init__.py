"""Serving for SageMaker: the user's ``model_fn`` and its fellows behind /ping and /invocations.

Three servers share the modules of this package, so one ``inference.py`` behaves the same behind both:

* ``server`` answers HTTP itself (uvicorn), with one or several worker processes (``workers``);
* ``multi`` does so for many models, each in a process of its own (``models``, ``model_process``);
* ``mms_server`` starts multi-model-server with sagemaker-inference (``mms_handler``) behind a ``gate``.

Read in this order: ``settings`` (what was asked for), ``usercode`` (finding and importing the program),
``functions`` (what one request goes through), ``app`` (HTTP). Python 3.8 or newer, as the base has it.
"""
