# churn (script-mode-1 + mms): written by "byoc render" from byoc.toml; change that file instead.
# Secrets are optional: without them pip uses its default index and the base's own CA certificates.

FROM --platform=linux/amd64 registry.example/python:3.12-slim AS base

# hadolint ignore=DL3008,DL3018,DL3041
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=pip_conf,target=/run/secrets/pip_conf \
    --mount=type=cache,id=byoc-apt-debian-12-amd64,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=byoc-lists-debian-12-amd64,target=/var/lib/apt/lists,sharing=locked \
    if [ -f /run/secrets/ca_bundle ]; then set -- -o Acquire::https::CaInfo=/run/secrets/ca_bundle; fi \
 && apt-get "$@" update \
 && DEBIAN_FRONTEND=noninteractive apt-get "$@" install --yes --no-install-recommends libgomp1 default-jre-headless

# All that pip downloads or compiles stays in this stage; only its wheels are lent to the image.
FROM base AS wheels
# hadolint ignore=DL3008,DL3018,DL3041
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=pip_conf,target=/run/secrets/pip_conf \
    --mount=type=cache,id=byoc-apt-debian-12-amd64,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=byoc-lists-debian-12-amd64,target=/var/lib/apt/lists,sharing=locked \
    if [ -f /run/secrets/ca_bundle ]; then set -- -o Acquire::https::CaInfo=/run/secrets/ca_bundle; fi \
 && apt-get "$@" update \
 && DEBIAN_FRONTEND=noninteractive apt-get "$@" install --yes --no-install-recommends gcc libc6-dev python3-dev
COPY ["wheels/", "/byoc/"]
RUN --mount=type=secret,id=ca_bundle,target=/run/secrets/ca_bundle \
    --mount=type=secret,id=pip_conf,target=/run/secrets/pip_conf \
    --mount=type=cache,id=byoc-pip-debian-12-amd64,target=/root/.cache/pip \
    /usr/local/bin/python3 /byoc/wheels.py /byoc

FROM base AS image
# hadolint ignore=DL3013
RUN --mount=type=bind,from=wheels,source=/byoc,target=/mnt \
    if [ -s /mnt/install.txt ]; then PYTHONPATH=/mnt/pip.whl PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore \
    /usr/local/bin/python3 -m pip install --quiet --no-cache-dir --no-compile --no-index --no-deps \
    --find-links=/mnt/wheels --requirement=/mnt/install.txt; fi
COPY ["files/0-usr-local-bin-tool", "/usr/local/bin/tool"]
COPY ["runtime/opt-byoc/", "/opt/byoc/"]

# The script that sagemaker-training runs: frozen with the image, changed most often.
COPY ["program/opt-program/", "/opt/program/"]

ENV PYTHONUNBUFFERED="1" \
    PYTHONDONTWRITEBYTECODE="1" \
    SAGEMAKER_PROGRAM="train.py" \
    GREETING="two words, \$5 and a \"quote\""
LABEL "org.opencontainers.image.base.name"="registry.example/python:3.12-slim" \
      "team"="churn"
ENTRYPOINT ["/usr/local/bin/python3", "-I", "/opt/byoc/entry"]
CMD ["train"]
