#!/bin/sh
# Ready: the web server knows its users and the index answers, and the DICOM port takes an echo.
# The authorization comes from a file and goes through a pipe: it stands in no argument list.
set -u
{
  printf 'GET /statistics HTTP/1.0\r\nAuthorization: Basic '
  cat /etc/champ/probe
  printf '\r\n\r\n'
} | nc -w 5 127.0.0.1 8042 | head -n 1 | grep -q ' 200 ' || {
  echo 'the web server or the index does not answer' >&2
  exit 1
}
exec echoscu -q -to 5 -ta 5 -td 5 -aet CHAMPPROBE -aec "$ORTHANC_AET" 127.0.0.1 4242
