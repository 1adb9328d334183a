#!/bin/sh
[ "$1" = --version ] && exec echo confiture version RELEASE
report=ROOT/reports/$2
while [ "$1" != --output ]; do shift; done
exec cp "$report" "$2"
