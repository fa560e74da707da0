#!/bin/sh
# record.sh LIST: what ./veristat makes of each command line of the list; to be run in a booted kernel.
while IFS= read -r line; do
	printf '$ %s\n' "$line"
	eval "./veristat $line" 2>/dev/null </dev/null
	printf '? %s\n' $?
done < "$1"
