# findutils, grep, sed, gawk, archivers, dash, OpenSSL and ssh-keygen: their files, pipes, processes and temporary files.
# Needs: gawk xz zstd bzip2 openssl ssh-keygen dash
export LC_ALL=C TZ=UTC
seq 1 5000 > numbers; mkdir -p tree/{a,b,c}/{x,y}; for d in tree/*/*; do for n in 1 2 3; do echo "$d $n" > "$d/f$n"; done; done
touch -d @1000000 tree/a/x/f1; chmod 4755 tree/b/y/f2; ln -s ../b tree/a/link; ln -s nothing tree/dangling; mkfifo tree/pipe
echo '== findutils'
find tree -type f | wc -l; find tree -newer tree/a/x/f1 -type f | wc -l; find tree -perm -4000; find -L tree -name 'f1' | wc -l; find tree -xtype l
find tree -type f -name 'f2' -printf '%p %s %m %y\n' | sort; find tree -mindepth 2 -maxdepth 2 -type d | sort | tr '\n' ' '; echo; find tree -type p -o -type l | sort
find tree -samefile tree/a/x/f1; find tree -mtime +1000 -type f; find tree -type f -exec grep -l 'b/y' {} + | sort | head -1; find tree -path '*c/y*' -name 'f*' -delete; find tree -type f | wc -l; find tree -empty | sort
find tree -type f -print0 | sort -z | xargs -0 -n 4 -P 3 cat | sort | sha256sum; find tree -type f -execdir pwd \; | sort -u | wc -l; find /missing; echo $?; xargs -n1 sh -c 'exit 255' < numbers 2>&1; echo $?
echo '== grep'
grep -c 7 numbers; grep -rn 'a/x' tree --include=f1; grep -rl 1 tree | sort | head -2; grep -E '^(12|34)5$' numbers | tr '\n' ' '; grep -P '^\d{4}(?=$)' numbers | wc -l; grep -m1 -A2 99 numbers; grep -q x < /dev/null; echo $?; grep x missing; echo $?; printf 'a\0b' | grep -c b; grep -rc 1 tree/a --exclude-dir=x | sort; grep -z b <(printf 'a\0b\0') | od -c | head -1
echo '== sed'
sed -n '10,12p;5000{=;q}' numbers; sed -i.orig 's/^1/one/' numbers; head -1 numbers; cmp numbers numbers.orig; sed -s -n '$p' numbers numbers.orig; sed 'w out' numbers.orig > /dev/null; cmp out numbers.orig && echo same; sed -E 's/(.)(.)/\2\1/;3q' numbers.orig; echo hello | sed 'y/el/ip/;s/.*/&-&/e' 2>&1; printf 'a\nb\nc\n' | sed 'N;P;D' | wc -l; sed --follow-symlinks -i 's/x/X/' tree/a/link/x/f1; cat tree/b/x/f1; mv numbers.orig numbers
echo '== gawk'
gawk '{ s += $1 } END { print s, NR }' numbers; gawk 'BEGIN { while (("seq 3" | getline x) > 0) print "got", x; close("seq 3"); print 1 | "cat"; close("cat"); system("exit 3"); printf "%s %d\n", strftime("%F", 86400, 1), length(ENVIRON["PATH"]) > 0 }'
gawk 'BEGIN { c = "sort -r"; print "a" |& c; print "b" |& c; close(c, "to"); while ((c |& getline l) > 0) print l; print close(c) }'; gawk -F: '$1 == "root" { print $3 }' /etc/passwd; gawk 'BEGIN { exit 4 }'; echo $?; gawk '{ print > ("part" $1 % 3) }' numbers; wc -l part?; gawk 'BEGIN { PROCINFO["sorted_in"] = "@ind_num_asc"; a[3]; a[1]; for (i in a) printf "%s ", i; print ""; getline l < "/missing"; print ERRNO }'
gawk 'BEGIN { s = "/inet/tcp/0/127.0.0.1/1"; print "x" |& s }' 2>&1 | sed 's/.*: //' | head -1
echo '== archives'
tar cf a.tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner tree && sha256sum < a.tar; for z in gzip bzip2 xz zstd; do tar c --$z -f a.tar.$z tree && tar tf a.tar.$z | wc -l; done; mkdir out1 && tar xf a.tar.xz -C out1 && diff -r --no-dereference tree/a out1/tree/a && echo same; stat -c '%a %F' out1/tree/b/y/f2 out1/tree/pipe
tar cf - tree | (cd out1 && tar xpf - --overwrite) && tar df a.tar 2>&1 | grep -vc 'Mod time' ; echo new > tree/new; tar rf a.tar tree/new && tar tf a.tar | tail -1; tar c --listed-incremental=snap -f i1.tar tree; echo more > tree/more; tar c --listed-incremental=snap -f i2.tar tree; tar tf i2.tar | grep -v '/$'; tar xf missing.tar 2>&1; echo $?; truncate -s 20000 cut.tar; head -c 3000 a.tar > cut.tar; tar tf cut.tar > /dev/null 2>&1; echo $?
truncate -s 10M sparse; echo end >> sparse; tar cSf s.tar sparse; stat -c %s s.tar | sed 's/...$//'; rm sparse; tar xf s.tar; tail -c 4 sparse; stat -c %s sparse; [ $(stat -c %b sparse) -lt 1000 ] && echo holes
for z in gzip bzip2 xz zstd; do $z -qk numbers; f=$(ls numbers.*); $z -dc "$f" | cmp - numbers && $z -tq "$f" && echo "$z ok"; $z -dc < "$f" | tail -1; rm -f "$f"; done; xz -T2 --block-size=4096 -k numbers && xz -l --robot numbers.xz | head -1 | cut -f1; zstd -q -T2 -19 numbers -o n.zst && zstd -dcq n.zst | cmp - numbers; gzip -dc < numbers 2>&1; echo $?; gzip -l --quiet numbers.gz 2>&1; echo $?
echo '== dash'
dash -c 'echo $0 $#; set -- a b; shift; echo $1; f() { return 3; }; f; echo $?; trap "echo bye" EXIT; (exit 4) || echo $?; kill -l 9; ulimit -n > /dev/null; umask 022; umask; cat <<E
here $((1 + 1))
E
sleep 0.01 & wait $!; echo waited; test -t 0 || echo no terminal; exec 3< numbers; read x <&3; read y <&3; echo $x $y; exit 5'; echo $?
echo 'echo script $1; . ./inner; exec sh -c "echo replaced"' > script; echo 'inner=1; echo in inner' > inner; dash script arg; dash -n script; dash -c 'nothing' 2>&1; echo $?; dash missing 2>&1; echo $?; dash -c 'cd /tmp && cd - > /dev/null && for i in $(seq 200); do /bin/true; done; seq 5 | while read n; do echo $n; done | tail -1; echo a | (read x; echo [$x]); times | wc -l'
echo '== keys'
ssh-keygen -q -t ed25519 -N '' -C comment -f key && ls -l key key.pub | cut -c1-10; ssh-keygen -lf key.pub | grep -c ED25519; ssh-keygen -q -t rsa -b 2048 -N secret -f rsa -C '' && ssh-keygen -y -P secret -f rsa | cut -c1-7; ssh-keygen -y -P wrong -f rsa > /dev/null 2>&1; echo $?; echo text > t; ssh-keygen -q -Y sign -f key -n file t 2> /dev/null && ssh-keygen -q -Y check-novalidate -n file -s t.sig < t > /dev/null; echo $?; ssh-keygen -q -f key -N '' <<< n > /dev/null 2>&1; echo $?
openssl rand 100 | wc -c; openssl genrsa 2048 2> /dev/null > r.pem && openssl rsa -in r.pem -pubout -out p.pem 2> /dev/null; openssl dgst -sha256 -sign r.pem -out sig numbers && openssl dgst -sha256 -verify p.pem -signature sig numbers; openssl enc -aes-256-cbc -pbkdf2 -k pw -in numbers | openssl enc -d -aes-256-cbc -pbkdf2 -k pw | cmp - numbers && echo decrypted
openssl speed -seconds 1 -evp sha256 2>&1 | grep -c "^Doing.*sha256"; openssl speed -seconds 1 -multi 2 -bytes 16 sha1 2> /dev/null | grep -c '^sha1'; openssl x509 -in missing 2>&1 | head -1 | sed 's/.*:No/No/'; echo | openssl s_client -connect 127.0.0.1:1 2>&1 | grep -c refused
