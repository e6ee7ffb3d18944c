/** Options of the socket level (socket(7)) that are kept as a number for whoever asks; those that do more are the calls' own. */
import * as S from '../abi/socket.ts';
import { anyNumber, flag, natural, type OptionRule, range } from './option-rule.ts';

const INT_MAX = 0x7fffffff;

export const SOCKET_LEVEL: ReadonlyMap<number, OptionRule> = new Map<number, OptionRule>([
  [S.SO_REUSEADDR, flag()],
  [S.SO_REUSEPORT, flag()],
  [S.SO_BROADCAST, flag()],
  [S.SO_KEEPALIVE, flag()],
  [S.SO_DONTROUTE, flag()],
  [S.SO_OOBINLINE, flag()],
  [S.SO_NO_CHECK, flag()],
  [S.SO_SELECT_ERR_QUEUE, flag()],
  [S.SO_BUSY_POLL, natural(0)],
  [S.SO_PRIORITY, anyNumber(0)],
  [S.SO_MARK, anyNumber(0)],
  [S.SO_INCOMING_CPU, anyNumber(-1)],
  [S.SO_MAX_PACING_RATE, anyNumber(-1)],
  // There is nothing to give with them: peeking from an offset, filters that are locked, sending without copying.
  [S.SO_PEEK_OFF, range(-1, -1, -1)],
  [S.SO_LOCK_FILTER, range(0, 0, 0)],
  [S.SO_ZEROCOPY, range(0, 0, 0)],
  // A negative number asks for as much as possible, none for one byte (sk_rcvlowat).
  [S.SO_RCVLOWAT, { initial: 1, store: (value) => (value < 0 ? INT_MAX : Math.max(1, value)) }],
]);
