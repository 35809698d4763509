# syntax=docker/dockerfile:1

# Build: all dependencies, TypeScript to JavaScript.
FROM node:24-alpine AS build
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json ./
COPY src ./src
RUN node_modules/.bin/tsc --project tsconfig.json

# Production dependencies alone. The embedded Postgres is an optional dependency and stays out: a container writes to
# the Postgres of DATABASE_URL.
FROM node:24-alpine AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts --no-audit --no-fund

FROM node:24-alpine
LABEL org.opencontainers.image.title="talon-one-sync" \
      org.opencontainers.image.description="Keeps a complete, current copy of Talon.One data in a Postgres warehouse" \
      org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist/src ./dist/src
COPY migrations ./migrations
# The user "node" of the base image by its number, so that an orchestrator can see that it is not root. Nothing is
# written to the file system: it can be mounted read-only.
USER 1000:1000
EXPOSE 8080
# Alive, not ready: a key that the API refuses is not mended by a restart.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
  CMD ["node", "dist/src/health/probe.js"]
# node itself is process 1 and handles SIGTERM.
ENTRYPOINT ["node", "/app/dist/src/main.js"]
CMD ["run"]
