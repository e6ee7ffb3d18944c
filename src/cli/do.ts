/** `runsc do`: runs one command in a new sandbox and ends as it ends. */
import type { Parsed } from './arguments.ts';
import { parseDo } from './do-arguments.ts';
import { helpText } from './help.ts';
import { beLaunched } from './launched.ts';
import { print } from './output.ts';

export async function runDo(globals: Parsed, args: readonly string[]): Promise<number> {
  const launched = beLaunched();
  const options = parseDo(globals, args, {
    cwd: process.cwd(),
    env: process.env,
    uid: process.getuid?.() ?? 0,
    gid: process.getgid?.() ?? 0,
  });
  if (options === 'help') {
    print(helpText('do'));
    return 0;
  }
  const { runSandbox } = await import('../sentry/run.ts');
  return runSandbox(options, launched);
}
