#!/usr/bin/env bash
# Builds the Dockerfile and runs what comes out, where neither Docker nor an image registry is at hand: for Debian, as root, with
# `apt-get install buildah mmdebstrap`. The base image is a Debian 13 with its own Python 3.13, made here. Takes about a minute.
#
# It runs as `docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges` would: a root that cannot be written, the
# recipe's user, no capabilities. Ends with 0 if the service answers, and with its last words if not.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d) port=${PORT:-8765}
export BUILDAH_ISOLATION=chroot
image() { buildah --root "$folder/storage" --runroot "$folder/run" "$@"; }
running=
finish() {
  [ -z "$running" ] || kill $(pgrep -P "$running") 2>/dev/null || true  # the service, which unshare waits for
  [ -z "$running" ] || wait "$running" || true
  image rm --all >/dev/null 2>&1 || true
  umount "$folder/storage/overlay" 2>/dev/null || true
  rm -rf "$folder"
}
trap finish EXIT

echo "base image"
mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,ca-certificates trixie "$folder/base.tar" \
  "$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -1)"
base=$(image from scratch)
image add "$base" "$folder/base.tar" / >/dev/null
image copy "$base" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
image run "$base" ln -s python3 /usr/bin/python
image config --env PIP_CERT=/etc/ssl/certs/ca-certificates.crt "$base"
image commit --quiet "$base" docker.io/library/python:3.13-slim >/dev/null

echo "image"
image bud --quiet --pull-never --format docker --tag covalue . >/dev/null
container=$(image from --pull-never localhost/covalue)
config() { image inspect --type image --format "{{$1}}" localhost/covalue; }
IFS=: read -r user group <<<"$(config .Docker.Config.User)"
[ "$user" -gt 0 ]
config .Docker.Config.Healthcheck.Test | grep -q /health/ready

echo "service"
root=$(image mount "$container")
inside=(chroot "$root" setpriv --reuid "$user" --regid "$group" --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs)
ready=(/opt/covalue/bin/python -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$port/health/ready', timeout=4)")
unshare --mount --pid --fork bash -c '
  root=$1; shift
  mount --bind "$root" "$root"; mount -o remount,ro,bind "$root"
  mount -t tmpfs tmpfs "$root/tmp"; mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
  exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin COVALUE_OUT=/opt/covalue/dataset COVALUE_HOST=0.0.0.0 COVALUE_PORT='"$port"' "$@"
' - "$root" "${inside[@]}" /opt/covalue/bin/covalue serve --access-log >"$folder/log" 2>&1 &
running=$!
for _ in $(seq 100); do
  "${inside[@]}" "${ready[@]}" 2>/dev/null && break
  kill -0 "$running" 2>/dev/null || break
  sleep 0.2
done
if ! "${inside[@]}" "${ready[@]}"; then cat "$folder/log"; exit 1; fi
curl -sSf -G "http://127.0.0.1:$port/sparql" -H 'Accept: text/csv' --data-urlencode 'query=SELECT (COUNT(*) AS ?statements) { ?s ?p ?o }'
curl -sSf -o /dev/null "http://127.0.0.1:$port/cases"
echo "fine: ready as user $user on a root that cannot be written"
