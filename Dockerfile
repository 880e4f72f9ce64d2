# docker build --build-arg VERSION="$(git describe --tags --always)" -t zhibu .
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /out/zhibu .
# Directories for an image that has neither a shell nor mkdir; /tmp is where large workbooks are spooled.
RUN install -d -m 0700 /out/data && install -d -m 1777 /out/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build --chown=65532:65532 /out/tmp /tmp
COPY --from=build /out/zhibu /zhibu
ENV ZHIBU_ADDR=0.0.0.0:8080 ZHIBU_DATA_DIR=/data
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/zhibu", "healthcheck"]
ENTRYPOINT ["/zhibu"]
CMD ["serve"]
