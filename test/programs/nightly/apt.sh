# apt-get: a downloaded .deb with what it depends on from a repository, upgraded, held, purged, in a root of its own; methods run as user _apt.
# Needs: apt-get apt-cache apt-mark dpkg-deb dpkg-scanpackages busybox
export LC_ALL=C SOURCE_DATE_EPOCH=1000000000 DEBIAN_FRONTEND=noninteractive
umask 022
if [ "$(id -u)" != 0 ]; then echo 'not root'; exit; fi
chmod 755 .
root=$PWD/r
mkdir -p r/{bin,etc/apt/{apt.conf.d,preferences.d},var/lib/dpkg/{updates,info},var/lib/apt/lists/partial,var/cache/apt/archives/partial,var/log/apt} repo downloads
touch r/var/lib/dpkg/{status,available}
cp "$(command -v busybox)" r/bin/busybox; for a in sh echo rm mkdir; do ln -s busybox r/bin/$a; done

make_package() { # name, version, directory, lines of control
  rm -rf p; mkdir -p p/DEBIAN p/usr/bin p/etc
  printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: a <a@b>\n%sDescription: %s\n long text\n' "$1" "$2" "$4" "$1" > p/DEBIAN/control
  printf '#!/bin/sh\necho %s %s\n' "$1" "$2" > "p/usr/bin/$1"; chmod 755 "p/usr/bin/$1"; echo "/etc/$1.conf" > p/DEBIAN/conffiles; echo "$2" > "p/etc/$1.conf"
  for script in preinst postinst prerm postrm; do printf '#!/bin/sh\necho %s %s "$@" >> /log\n' "$1" $script > p/DEBIAN/$script; chmod 755 p/DEBIAN/$script; done
  dpkg-deb --root-owner-group -Zgzip -b p "$3/$1_$2_all.deb" > /dev/null
}
make_package library 1.0 repo ''
make_package program 1.0 downloads $'Depends: library (>= 1.0)\nRecommends: extra\n'
make_package extra 1.0 repo $'Enhances: program\n'
make_package other 1.0 downloads $'Conflicts: extra\n'
make_package broken 1.0 downloads $'Depends: nowhere\n'
index() { (cd repo && dpkg-scanpackages -m . 2> /dev/null | gzip -n > Packages.gz); }
index
echo "deb [trusted=yes] copy:$PWD/repo ./" > r/etc/apt/sources.list
cat > apt.conf <<END
Dir "$root";
Dir::State::status "$root/var/lib/dpkg/status";
Dir::Bin::dpkg "/usr/bin/dpkg";
Dir::Bin::Methods "/usr/lib/apt/methods";
DPkg::Options { "--root=$root"; "--log=/dev/null"; "--force-confold"; };
DPkg::Use-Pty "true";
Acquire::Languages "none";
APT::Sandbox::User "_apt";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
END
export APT_CONFIG=$PWD/apt.conf
# In a terminal apt draws a bar; times and speeds differ.
clean() { tr '\r' '\n' | sed "s#$PWD#.#g; s/^Fetched .*/Fetched/; s/ in [0-9]*s ([^)]*)//; /^(Reading database ... [0-9]*%/d; s/[0-9]* files and dir/N files and dir/; /debconf: delaying/d" | grep -v '^$'; }
# Methods fetch side by side: which is first is nobody's to say.
get() {
  echo "== $*"; apt-get -q "$@" > out 2>&1; echo "$?" > status; clean < out > cleaned
  grep -v '^Get:' cleaned; sed -n 's/^Get:[0-9]* /Get: /p' cleaned | sort; echo "exit $(cat status)"
}

get update; ls r/var/lib/apt/lists | sed 's/.*_repo_/repo_/'; stat -c '%U %a' r/var/lib/apt/lists/partial r/var/cache/apt/archives/partial
apt-cache policy library | clean; apt-cache show extra | sed -n 1,4p
get install -y ./downloads/program_1.0_all.deb; chroot r /usr/bin/program; chroot r /usr/bin/library; chroot r /usr/bin/extra
apt-mark showauto; apt-mark showmanual; get check; cat r/log
get install -y ./downloads/broken_1.0_all.deb
get install -y --no-remove ./downloads/other_1.0_all.deb
get -s install ./downloads/other_1.0_all.deb
get install -y ./downloads/other_1.0_all.deb; dpkg --root="$root" -l | tail -4
make_package library 2.0 repo ''; echo mine > r/etc/library.conf; index; get update
apt-mark hold library; get upgrade -y; apt-mark unhold library
get upgrade -y; chroot r /usr/bin/library; cat r/etc/library.conf; ls r/etc
get install -y --allow-downgrades library=1.0; get download library; ls ./*.deb; get remove -y program; get autoremove -y --purge; get purge -y other
dpkg --root="$root" -l | tail -3; ls r/etc r/usr/bin; cat r/log; apt-cache -q pkgnames | sort
# Somebody else has the lock.
python3 -c 'import fcntl, sys, subprocess
f = open(sys.argv[1], "w"); fcntl.lockf(f, fcntl.LOCK_EX)
sys.exit(subprocess.call(["apt-get", "-q", "install", "-y", "library"], stdout=2))' r/var/lib/dpkg/lock-frontend 2>&1 | clean | sed 's/process [0-9]* ([^)]*)/process N/'
grep -c . r/var/log/apt/history.log; grep -E '^(Install|Remove|Purge|Upgrade|Downgrade)' r/var/log/apt/history.log
