echo systemctl "$@" >> "$root/asked"
case "$1 $3" in
"is-active "*) echo inactive; exit 3 ;;
"show EnvironmentFiles") echo "EnvironmentFiles=$(cat "$root/flag") (ignore_errors=yes)" ;;
"show Group") id -gn ;;
esac
exit 0
