# bin/pin-images writes the digest of this image into .env, where compose.yaml finds it.
ARG PYTHON_IMAGE=python:3.11-slim
FROM ${PYTHON_IMAGE} AS compiled
RUN apt-get -qq update && apt-get -qq install -y --no-install-recommends gcc libc6-dev
WORKDIR /opt/accweb
COPY requirements-compile.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements-compile.txt
COPY bin bin
COPY cdr cdr
COPY proxyconf proxyconf
RUN python bin/compile_rooms.py

FROM ${PYTHON_IMAGE}
RUN useradd --system --create-home --home-dir /var/lib/accweb accweb && chmod 0700 /var/lib/accweb
WORKDIR /opt/accweb
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY manage.py ./
COPY accweb accweb
COPY --from=compiled /opt/accweb/accweb__mypyc*.so ./
COPY --from=compiled /opt/accweb/cdr cdr
COPY proxyconf proxyconf
COPY templates templates
COPY static static
ENV ACCWEB_DATA_DIR=/var/lib/accweb PYTHONUNBUFFERED=1
USER accweb
VOLUME /var/lib/accweb
EXPOSE 8000 1813/udp 5140/tcp 5140/udp
CMD ["python", "manage.py", "up", "--host", "0.0.0.0"]
