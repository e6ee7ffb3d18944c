# npm: `npm ci --offline` from a local cache, scripts of packages, and the tree it makes.
# Needs: node npm
# Timeout: 600
export HOME=$PWD npm_config_cache=$PWD/cache npm_config_update_notifier=false npm_config_fund=false npm_config_audit=false NODE_NO_WARNINGS=1
# The packages are made here, packed, and put into the cache under the addresses that the lock file names.
mkdir packages
for n in $(seq 1 40); do
  mkdir -p "packages/p$n/lib"
  echo "{\"name\":\"p$n\",\"version\":\"1.0.$n\",\"main\":\"lib/index.js\",\"bin\":{\"p$n\":\"cli.js\"}$([ "$n" -gt 1 ] && echo ",\"dependencies\":{\"p$((n / 2))\":\"*\"}")}" > "packages/p$n/package.json"
  printf '#!/usr/bin/env node\nconsole.log("cli", %s)\n' "$n" > "packages/p$n/cli.js"
  for f in $(seq 1 20); do echo "exports.value$f = $n * $f;" > "packages/p$n/lib/f$f.js"; done
  echo 'module.exports = require("fs").readdirSync(__dirname).length;' > "packages/p$n/lib/index.js"
done
cat > server.cjs <<'EOF'
const fs = require('node:fs'), http = require('node:http'), { execFileSync } = require('node:child_process'), crypto = require('node:crypto');
execFileSync('npm', ['pack', '--silent', ...fs.readdirSync('packages').map((name) => `./packages/${name}`)]);
let base;
const describe = (name) => {
  const pkg = JSON.parse(fs.readFileSync(`packages/${name}/package.json`)), file = `${name}-${pkg.version}.tgz`;
  const integrity = 'sha512-' + crypto.createHash('sha512').update(fs.readFileSync(file)).digest('base64');
  return { ...pkg, dist: { tarball: `${base}/${file}`, integrity } };
};
http.createServer((q, r) => {
  const name = q.url.slice(1);
  if (/^[\w.-]+\.tgz$/.test(name)) return fs.createReadStream(name).pipe(r.setHeader('cache-control', 'max-age=86400'));
  if (!fs.existsSync(`packages/${name}`)) return r.writeHead(404).end();
  const pkg = describe(name);
  r.setHeader('cache-control', 'max-age=86400').end(JSON.stringify({ name, 'dist-tags': { latest: pkg.version }, versions: { [pkg.version]: pkg } }));
}).listen(0, '127.0.0.1', function () { base = `http://127.0.0.1:${this.address().port}`; fs.writeFileSync('address', `${base}\n`); });
EOF
mkfifo address
node server.cjs & server=$!
read -r npm_config_registry < address; export npm_config_registry
mkdir app && cd app
cat > package.json <<'EOF'
{"name":"app","version":"1.0.0","private":true,"dependencies":{"p40":"*","p39":"*","p25":"*"},
 "scripts":{"postinstall":"node -p '\"installed \" + process.env.npm_lifecycle_event' > ran","start":"p40 && node -p 'require(\"p40\")'","fail":"exit 3"}}
EOF
npm install > /dev/null; echo "install $?"
grep -c '"integrity"' package-lock.json; cat ran
rm -rf node_modules ran; kill $server; wait $server
# Nothing answers any more: all must come from the cache.
npm ci --offline 2>&1 | sed 's/ in .*//'; echo "ci ${PIPESTATUS[0]}"; cat ran
find node_modules -type f ! -name .package-lock.json | sort | xargs cat | sha256sum; ls -l node_modules/.bin | wc -l; ls node_modules | wc -l
npm start --silent; npm run fail --silent; echo "fail $?"
npm ls --all --parseable | wc -l; npm pkg get name; npx --offline p20
npm_config_cache=$PWD/empty npm ci --offline > /dev/null 2>&1; echo "without a cache $?"
