ARG BASE
FROM ${BASE}
USER root
# Suites keep the interpreter of a repository in an environment that a login shell switches on
RUN for bin in /opt/miniconda3/envs/testbed/bin /opt/conda/envs/testbed/bin; do \
        if [ -x "$bin/python" ]; then mkdir -p /usr/local/bin && rm -f /usr/local/bin/python3 \
         && printf '#!/bin/sh\nexec %s/python "$@"\n' "$bin" >/usr/local/bin/python3 \
         && chmod 755 /usr/local/bin/python3; fi; done
