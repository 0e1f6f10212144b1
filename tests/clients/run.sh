#!/bin/sh
# Drives a simulated account with clients by other hands; fails if any of them fails.
#
# Usage: run.sh ADDRESS CONTROL KEY_ID SECRET
#
# The account is a made-up one with a user's key: ramstream simulate --key-owner alice.abara
#
# PYTHON names an interpreter that has requirements.txt installed (default python3). The Go client runs where there is
# a Go toolchain; without one it is left out, in so many words.
set -eu
here=$(dirname "$0")
"${PYTHON:-python3}" "$here/python_sdk.py" "$1" "$2" "$3" "$4"
if command -v go >/dev/null; then
    (cd "$here/go" && GOFLAGS=-mod=readonly go run . "$1" "$3" "$4")
else
    echo "left out: the Go SDK's HMAC-SHA1 signature (no Go toolchain; install golang-go)"
fi
