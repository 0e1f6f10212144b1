#!/usr/bin/env bash
# Kafka's own tool, from what `up` has downloaded.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=scripts/lib.sh
source "$here/../../scripts/lib.sh"
jars=$cache/services-$(sha256sum "$here/pom.xml" | cut -c 1-16)
exec java -Xmx128m -cp "$jars/kafka/*" org.apache.kafka.tools.AclCommand "$@"
