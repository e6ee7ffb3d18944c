# zlib and Lua from their sources, by two jobs at a time, with their own tests.
# Needs: gcc make
# Sources: zlib lua5.4
# Timeout: 1800
export LC_ALL=C
for archive in "$SOURCES"/zlib_*.orig.tar.* "$SOURCES"/lua5.4_*.orig.tar.*; do tar xf "$archive"; done
cd zlib*/ || exit
./configure > log 2>&1; echo "configure $?"; make -j2 > log 2>&1; echo "make $?"; make test 2>&1 | grep -E 'OK|fail|\*\*\*'
make -s install prefix="$PWD/there" > log 2>&1; echo "install $?"; find there -type f -o -type l | sort
touch inflate.c; make -j2 2>&1 | grep -c 'inflate\.'; make -q; echo "up to date $?"; make -s distclean; echo "clean $?"
cd ../lua*/ || exit
make -j2 linux > log 2>&1; echo "make $?"; make -s test 2> /dev/null | grep Lua; make -s install INSTALL_TOP="$PWD/there" > log 2>&1; echo "install $?"
find there -type f | sort; echo 'for i = 1, 3 do print(i, ("x"):rep(i), 2 ^ i) end print(select("#", ...), #arg) os.exit(3)' > t.lua
there/bin/luac -o t.luac t.lua; there/bin/lua t.luac a b; echo "exit $?"; there/bin/lua -e 'local f = io.popen("echo piped"); print(f:read("a")); print(f:close())'
echo 'int main(void) { return 0; }' > m.c; for i in 1 2 3 4 5 6 7 8; do cp m.c m$i.c; done
printf 'all: m1 m2 m3 m4 m5 m6 m7 m8\n%%: %%.c\n\tgcc -o $@ $<\n' > Makefile; make -s -j8; ls m? | wc -l; make -s -j2 -B -l 100; echo "again $?"
