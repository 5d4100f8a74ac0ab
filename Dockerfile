FROM python:3.11-slim
RUN useradd --system --create-home --home-dir /var/lib/accweb accweb
WORKDIR /opt/accweb
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY manage.py ./
COPY accweb accweb
COPY cdr cdr
COPY proxyconf proxyconf
COPY templates templates
COPY static static
ENV ACCWEB_DATA_DIR=/var/lib/accweb PYTHONUNBUFFERED=1
USER accweb
VOLUME /var/lib/accweb
EXPOSE 8000 1813/udp 5140/tcp 5140/udp
CMD ["python", "manage.py", "up", "--host", "0.0.0.0"]
