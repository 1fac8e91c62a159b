ARG BASE
FROM ${BASE}
COPY repo /repo
COPY told.json install.py tracked /opt/environment/
WORKDIR /repo
RUN python3 /opt/environment/install.py /opt/environment/told.json \
 && while IFS= read -r path; do rm -f -- "$path"; done </opt/environment/tracked \
 && find . -depth -mindepth 1 -type d -empty -delete && chown -R 10001:10001 /repo
