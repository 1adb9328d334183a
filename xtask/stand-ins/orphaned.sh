#!/bin/sh
exec 3<&0
ended="{root}/ended.$$"
(sh -c '"$0" <&3; touch "$1"' "{root}/program" "$ended" &)
until [ -e "$ended" ]; do sleep 0.1; done
