# The service with its dataset built in, as nobody, on a root that may be read-only:
#   docker build -t covalue .
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -p 127.0.0.1:8000:8000 covalue
# tests/container.sh builds it with buildah, without a registry, and runs it like that.
FROM python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/covalue \
 && /opt/covalue/bin/pip install --no-cache-dir --disable-pip-version-check /src \
 && /opt/covalue/bin/covalue build --out /opt/covalue/dataset

FROM python:3.13-slim
COPY --from=build /opt/covalue /opt/covalue
ENV COVALUE_OUT=/opt/covalue/dataset COVALUE_HOST=0.0.0.0 COVALUE_PORT=8000 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["/opt/covalue/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
ENTRYPOINT ["/opt/covalue/bin/covalue"]
CMD ["serve", "--access-log"]
