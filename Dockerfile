# syntax=docker/dockerfile:1

# The image of the service: `docker build -t zonebridge .`
# It needs BuildKit, which keeps cargo's registry and the built dependencies between builds. Both tags get security fixes under the same
# name; for a release pin them by digest as well. The builder and the runtime must be of one Debian release, since they share its libc.
ARG RUST_VERSION=1.95.0
ARG DEBIAN_RELEASE=bookworm

FROM rust:${RUST_VERSION}-slim-${DEBIAN_RELEASE} AS build
# gcc and the headers of libc come with this image, and the cryptography library (aws-lc-sys) needs no more: it is compiled with the C
# compiler alone and its bindings are made already. No cmake, no clang, no OpenSSL, no libpq.
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY meaning meaning
# Not built here, but named in Cargo.toml.
COPY benches benches
# Both are built into the program: the migrations, and the demonstration network.
COPY migrations migrations
COPY demo demo
# The touch makes cargo build our own crate anew even where a file of ours is older than what the cache holds.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/build/target,sharing=locked \
    touch src/lib.rs src/main.rs \
    && cargo build --release --locked --bin zonebridge \
    && install -D -m 0755 target/release/zonebridge /out/zonebridge

FROM debian:${DEBIAN_RELEASE}-slim
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 zonebridge \
    && useradd --uid 10001 --gid 10001 --home-dir /var/lib/zonebridge --no-create-home --shell /usr/sbin/nologin zonebridge \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/zonebridge
COPY LICENSE /usr/share/doc/zonebridge/LICENSE
COPY --from=build /out/zonebridge /usr/local/bin/zonebridge

LABEL org.opencontainers.image.title="Zonebridge" \
      org.opencontainers.image.description="The exchange on which high-tech zones trade technology, funding, talent and industry capacity" \
      org.opencontainers.image.licenses="Apache-2.0"

# Without a database of its own: Postgres is not in this image, so ZONEBRIDGE_DATABASE_URL_FILE or DATABASE_URL must name one.
ENV ZONEBRIDGE_DATA_DIR=/var/lib/zonebridge \
    ZONEBRIDGE_SERVER_LISTEN=0.0.0.0:8080 \
    ZONEBRIDGE_LOG_FORMAT=json
USER 10001:10001
# The search index, and the token key where tokens.key_file names no other place. The index can be lost, the key should not be.
VOLUME ["/var/lib/zonebridge"]
# Also the only folder that commands may write into when the root filesystem is read-only.
WORKDIR /var/lib/zonebridge
EXPOSE 8080
STOPSIGNAL SIGTERM
# A first start migrates the database and builds the whole index before it is ready; until then failures do not count.
HEALTHCHECK --interval=15s --timeout=5s --start-period=300s --start-interval=2s --retries=3 \
    CMD ["zonebridge", "health"]
ENTRYPOINT ["zonebridge"]
CMD ["serve"]
