# Debian packages: made, looked into, installed with scripts, triggers and configuration files, upgraded, removed and purged in a root of its own.
# Needs: dpkg dpkg-deb busybox
export LC_ALL=C SOURCE_DATE_EPOCH=1000000000 DEBIAN_FRONTEND=noninteractive
umask 022
make_package() { # version, content
  rm -rf p; mkdir -p p/DEBIAN p/usr/bin p/etc p/usr/share/doc/thing
  printf 'Package: thing\nVersion: %s\nArchitecture: all\nMaintainer: a <a@b>\nDescription: a thing\n long text\n' "$1" > p/DEBIAN/control
  echo /etc/thing.conf > p/DEBIAN/conffiles; echo "$2" > p/etc/thing.conf
  printf '#!/bin/sh\necho thing %s\n' "$1" > p/usr/bin/thing; chmod 755 p/usr/bin/thing; ln -s thing p/usr/bin/alias; seq 1000 > p/usr/share/doc/thing/list
  for script in preinst postinst prerm postrm; do printf '#!/bin/sh\necho %s "$@" >> /log\n' $script > p/DEBIAN/$script; chmod 755 p/DEBIAN/$script; done
  dpkg-deb --root-owner-group -Zgzip -b p "thing_$1.deb" > /dev/null; echo "built $?"
}
make_package 1 first; make_package 2 second
dpkg-deb -f thing_1.deb Package Version; dpkg-deb -c thing_1.deb; dpkg-deb -x thing_2.deb x && x/usr/bin/alias; sha256sum thing_1.deb thing_2.deb
mkdir -p r/var/lib/dpkg/updates r/var/lib/dpkg/info r/bin; touch r/var/lib/dpkg/status r/var/lib/dpkg/available
cp "$(command -v busybox)" r/bin/busybox; for a in sh echo rm mkdir; do ln -s busybox r/bin/$a; done; chmod 755 . r
# Only root may change the root directory for the scripts.
d() { if [ "$(id -u)" = 0 ]; then dpkg --root="$PWD/r" --log=/dev/null "$@" 2>&1 | sed "s#$PWD#.#g; s/([^)]*database[^)]*)//; s/[0-9]* files and dir/N files and dir/"; else echo 'not root'; fi; }
d -i thing_1.deb; chroot r /usr/bin/thing; d -l thing | tail -1; d -L thing; d -S bin/alias; d -V thing; d --audit
echo mine > r/etc/thing.conf; d --force-confold -i thing_2.deb; cat r/etc/thing.conf; ls r/etc; chroot r /usr/bin/alias
echo broken > r/usr/bin/thing; d -V thing; d -i thing_1.deb | tail -2; d -V thing
d -r thing; ls r/etc r/usr/bin 2>&1; d -P thing; ls r/etc; cat r/log; cat r/var/lib/dpkg/status | head -3
printf '#!/bin/sh\nexit 1\n' > p/DEBIAN/postinst; dpkg-deb --root-owner-group -b p bad.deb > /dev/null; d -i bad.deb; d --audit | head -3; d -r --force-remove-reinstreq thing; d -l 2>&1 | tail -1
