#!/usr/bin/env bash
# Runs a program in a network of its own, where one address stands for the whole world: inside.sh WITNESS LOG FOLDER COMMAND...
set -euo pipefail
witness=$1 log=$2 folder=$3; shift 3
outside=10.99.0.1
ip link set lo up
ip addr add "$outside/32" dev lo
ip route add default dev lo
echo "nameserver $outside" > "$folder/resolv.conf"
# Where resolv.conf is a link, its target is what a program reads.
mount --bind "$folder/resolv.conf" "$(readlink -f /etc/resolv.conf)"
python3 "$witness" "$outside" "$log" "$folder" &
for _ in $(seq 200); do grep -qs ready "$log" && break; sleep 0.05; done
exec "$@"
