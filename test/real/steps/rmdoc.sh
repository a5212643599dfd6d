# A lower directory goes for good, another is emptied and made again: it must not show what lies below.
[ "$(ls /usr/share/doc | wc -l)" -gt 50 ]
rm -rf /usr/share/doc
absent /usr/share/doc
rm -rf /usr/share/locale
mkdir /usr/share/locale
is "$(ls -A /usr/share/locale)" ''
echo mine > /usr/share/locale/mine
is "$(ls -A /usr/share/locale)" mine
refused rmdir /usr/share/locale
find /usr/share/man -type f -name '*.gz' -delete
find /usr/share/man -type d -empty -delete
