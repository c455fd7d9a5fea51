#!/bin/sh
# dpkg says `configure`, rpm how many versions there are now.
set -e
case $1 in configure | 1 | 2) ;; *) exit 0 ;; esac
if command -v systemd-sysusers >/dev/null; then systemd-sysusers imgbot.conf; fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
# Of an installation by file; it would stand before the command of the package.
if [ "$(readlink /usr/local/bin/imgbot)" = /opt/imgbot/current/bin/imgbot ]; then
  rm /usr/local/bin/imgbot
fi
if [ -e /opt/imgbot/current ]; then
  echo "The bot runs on as it was. To upgrade it: sudo imgbot install"
else
  echo "To set up the bot: sudo imgbot install"
fi
