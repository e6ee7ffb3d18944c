#!/usr/bin/env python3
"""Records what a real Linux pty does with typed and written bytes, for src/kernel/line-discipline.test.ts.

Usage: record-line-discipline.py > line-discipline.json

A case is a list of settings and steps. Steps: type (bytes to the master), write (bytes to the slave), read (from the slave, with a
size; the result is hex or "EAGAIN"), seen (all that the master shows), set (settings change), inq (FIONREAD of the slave).
"""
import fcntl
import json
import os
import select
import struct
import termios
import time

FLAGS = {
    'iflag': ['ISTRIP', 'INLCR', 'IGNCR', 'ICRNL', 'IUCLC', 'IXON', 'IXANY', 'IUTF8', 'PARMRK'],
    'oflag': ['OPOST', 'OLCUC', 'ONLCR', 'OCRNL', 'ONOCR', 'ONLRET', 'XTABS'],
    'lflag': ['ISIG', 'ICANON', 'ECHO', 'ECHOE', 'ECHOK', 'ECHONL', 'NOFLSH', 'ECHOCTL', 'ECHOPRT', 'ECHOKE', 'IEXTEN'],
}
VALUES = dict(ISTRIP=0o40, INLCR=0o100, IGNCR=0o200, ICRNL=0o400, IUCLC=0o1000, IXON=0o2000, IXANY=0o4000, IUTF8=0o40000,
              PARMRK=0o10, OPOST=1, OLCUC=2, ONLCR=4, OCRNL=0o10, ONOCR=0o20, ONLRET=0o40, XTABS=0o14000, ISIG=1, ICANON=2,
              ECHO=0o10, ECHOE=0o20, ECHOK=0o40, ECHONL=0o100, NOFLSH=0o200, ECHOCTL=0o1000, ECHOPRT=0o2000,
              ECHOKE=0o4000, IEXTEN=0o100000)
INDEX = {name: i for i, name in enumerate(['iflag', 'oflag', 'cflag', 'lflag'])}


def apply(fd, settings):
    raw = bytearray(fcntl.ioctl(fd, 0x5401, bytes(36)))
    words = list(struct.unpack('<4I', raw[:16]))
    for name in settings:
        if '=' in name:
            cc, value = name.split('=')
            raw[17 + getattr(termios, cc)] = int(value)
            continue
        flag = name.lstrip('-')
        for word, names in FLAGS.items():
            if flag in names:
                i = INDEX[word]
                words[i] = words[i] & ~VALUES[flag] if name[0] == '-' else words[i] | VALUES[flag]
    raw[:16] = struct.pack('<4I', *words)
    fcntl.ioctl(fd, 0x5402, bytes(raw))


def settle():
    time.sleep(0.03)


def drain(fd):
    out = b''
    while select.select([fd], [], [], 0.03)[0]:
        try:
            got = os.read(fd, 65536)
        except BlockingIOError:
            break
        if not got:
            break
        out += got
    return out


def run(settings, steps):
    master, slave = os.openpty()
    os.set_blocking(master, False)
    os.set_blocking(slave, False)
    apply(slave, settings)
    results = []
    for kind, argument in steps:
        if kind == 'type':
            results.append(os.write(master, bytes.fromhex(argument)))
            settle()
        elif kind == 'write':
            try:
                results.append(os.write(slave, bytes.fromhex(argument)))
            except BlockingIOError:
                results.append('EAGAIN')
            settle()
        elif kind == 'read':
            try:
                results.append(os.read(slave, argument).hex())
            except BlockingIOError:
                results.append('EAGAIN')
            settle()
        elif kind == 'seen':
            results.append(drain(master).hex())
        elif kind == 'set':
            apply(slave, argument)
            results.append(0)
            settle()
        elif kind == 'inq':
            results.append(struct.unpack('i', fcntl.ioctl(slave, 0x541b, bytes(4)))[0])
    os.close(master)
    os.close(slave)
    return results


def t(text):
    return ('type', text.encode('latin1').hex())


def w(text):
    return ('write', text.encode('latin1').hex())


SEEN = ('seen', 0)
INQ = ('inq', 0)


def r(n=100):
    return ('read', n)


CASES = [
    ('a line', [], [t('hello\n'), SEEN, r(), r()]),
    ('a partial line is not readable', [], [t('hel'), SEEN, r(), INQ, t('lo\r'), SEEN, INQ, r()]),
    ('two lines are two reads', [], [t('one\ntwo\n'), r(), r(), r(), SEEN]),
    ('a line read in pieces', [], [t('abcdef\n'), r(3), r(3), r(3), r(3)]),
    ('erase', [], [t('abc\x7f\x7fd\n'), SEEN, r()]),
    ('erase at the start', [], [t('\x7f\x7fa\n'), SEEN, r()]),
    ('erase a control character', [], [t('a\x01\x7fb\n'), SEEN, r()]),
    ('erase a tab', [], [t('ab\tc\x7f\x7fd\n'), SEEN, r()]),
    ('erase a tab after a prompt', [], [w('prompt> '), t('ab\t\x7fx\t\t\x7f\x7f\n'), SEEN, r()]),
    ('erase a tab after a tab and a control character', [], [t('a\t\x01b\t\x7f\x7f\n'), SEEN, r()]),
    ('kill', [], [t('hello world\x15new\n'), SEEN, r()]),
    ('kill without ECHOKE', ['-ECHOKE'], [t('hello\x15new\n'), SEEN, r()]),
    ('kill without ECHOK', ['-ECHOK'], [t('hello\x15new\n'), SEEN, r()]),
    ('kill without ECHO', ['-ECHO'], [t('hello\x15new\n'), SEEN, r()]),
    ('word erase', [], [t('one two_3  \x17x\n'), SEEN, r()]),
    ('word erase over punctuation', [], [t('foo.bar--\x17\x17\x17\n'), SEEN, r()]),
    ('word erase without IEXTEN', ['-IEXTEN'], [t('one two\x17\n'), SEEN, r()]),
    ('erase without ECHOE', ['-ECHOE'], [t('abc\x7fd\n'), SEEN, r()]),
    ('erase with ECHOPRT', ['ECHOPRT'], [t('abcd\x7f\x7fef\x7f\n'), SEEN, r()]),
    ('erase all with ECHOPRT', ['ECHOPRT'], [t('ab\x7f\x7f\x7fz\n'), SEEN, r()]),
    ('erase UTF-8', ['IUTF8'], [t('a\xc3\xa9\xe2\x82\xac\x7f\x7fb\n'), SEEN, r()]),
    ('erase UTF-8 without IUTF8', [], [t('\xc3\xa9\x7f\n'), SEEN, r()]),
    ('erase a UTF-8 character with ECHOPRT', ['IUTF8', 'ECHOPRT'], [t('a\xe2\x82\xac\x7f\n'), SEEN, r()]),
    ('a lone continuation byte is not erased', ['IUTF8'], [t('\xa9\x7f\n'), SEEN, r()]),
    ('word erase UTF-8', ['IUTF8'], [t('x \xc3\xa9t\xc3\xa9\x17\n'), SEEN, r()]),
    ('tab and UTF-8', ['IUTF8'], [t('\xc3\xa9\t\x7f\n'), SEEN, r()]),
    ('end of file at the start', [], [t('\x04'), SEEN, INQ, r(), r()]),
    ('end of file after text', [], [t('abc\x04'), SEEN, INQ, r(), r()]),
    ('end of file behind a full read', [], [t('abc\x04'), r(3), r()]),
    ('end of file inside a short read', [], [t('abc\x04'), r(2), r(), r()]),
    ('two ends of file', [], [t('\x04\x04'), r(), r(), r()]),
    ('end of file then a line', [], [t('ab\x04cd\n'), INQ, r(), r(), r()]),
    ('literal next', [], [t('a\x16\x03b\x16\x7f\n'), SEEN, r()]),
    ('literal newline', [], [t('a\x16\nb\n'), SEEN, r(), r()]),
    ('literal end of file', [], [t('a\x16\x04b\n'), SEEN, r(), r()]),
    ('literal next without IEXTEN', ['-IEXTEN'], [t('a\x16\x01\n'), SEEN, r()]),
    ('reprint', [], [t('ab\x01c\x12d\n'), SEEN, r()]),
    ('reprint an empty line', [], [t('\x12x\n'), SEEN, r()]),
    ('second end of line', ['VEOL=59', 'VEOL2=44'], [t('a;b,c\n'), SEEN, r(), r(), r()]),
    ('interrupt flushes', [], [t('abc\x03def\n'), SEEN, r(), r()]),
    ('interrupt flushes lines', [], [t('one\ntwo\n'), t('x\x1cy\n'), SEEN, r(), r()]),
    ('interrupt with NOFLSH', ['NOFLSH'], [t('abc\x03def\n'), SEEN, r(), r()]),
    ('suspend echoes', [], [t('\x1a'), SEEN, r()]),
    ('signal characters without ISIG', ['-ISIG'], [t('a\x03\x1c\x1ab\n'), SEEN, r()]),
    ('no echo', ['-ECHO'], [t('secret\n'), SEEN, r()]),
    ('no echo but newline', ['-ECHO', 'ECHONL'], [t('secret\n'), SEEN, r()]),
    ('no ECHOCTL', ['-ECHOCTL'], [t('a\x01b\x7f\x7f\n'), SEEN, r()]),
    ('ICRNL off', ['-ICRNL'], [t('a\rb\n'), SEEN, r()]),
    ('INLCR', ['INLCR', '-ICRNL'], [t('a\nb'), SEEN, r()]),
    ('INLCR and ICRNL', ['INLCR'], [t('a\nb\rc\r'), SEEN, r(), r()]),
    ('IGNCR', ['IGNCR'], [t('a\rb\n'), SEEN, r()]),
    ('ISTRIP', ['ISTRIP'], [t('\xe1\xe2\n'), SEEN, r()]),
    ('IUCLC', ['IUCLC'], [t('AbC\n'), SEEN, r()]),
    ('PARMRK', ['PARMRK'], [t('a\xffb\n'), SEEN, r()]),
    ('NUL bytes', [], [t('a\x00b\n'), SEEN, r()]),
    ('raw', ['-ICANON', '-ECHO'], [t('ab\n'), INQ, r(), r()]),
    ('raw in pieces', ['-ICANON', '-ECHO'], [t('abcdef'), r(2), r(2), r(10)]),
    ('raw keeps editing characters', ['-ICANON', '-ISIG', '-IEXTEN'], [t('a\x7f\x15\x04\x16\n'), SEEN, r()]),
    ('literal next in raw mode', ['-ICANON'], [t('a\x16\x7f'), SEEN, r()]),
    ('signals in raw mode', ['-ICANON'], [t('a\x03b'), SEEN, r()]),
    ('canonical to raw', [], [t('abc'), r(), ('set', ['-ICANON']), INQ, r()]),
    ('canonical to raw with a line', [], [t('one\ntw'), ('set', ['-ICANON']), INQ, r()]),
    ('raw to canonical', ['-ICANON'], [t('abc'), ('set', ['ICANON']), INQ, r(), t('d\n'), r()]),
    ('stop and start', [], [t('\x13'), w('hello'), SEEN, t('\x11'), w('hello'), SEEN]),
    ('echo while stopped', [], [t('\x13'), t('ab\n'), SEEN, t('\x11'), SEEN, r()]),
    ('IXANY', ['IXANY'], [t('\x13'), w('hello'), t('x'), w('hello'), SEEN]),
    ('interrupt starts output', [], [t('\x13'), t('\x03'), w('hello'), SEEN]),
    ('IXON off while stopped', [], [t('\x13'), ('set', ['-IXON']), w('hello'), SEEN]),
    ('IXON off', ['-IXON'], [t('a\x13\x11\n'), SEEN, r()]),
    ('output newline', [], [w('a\nb\r\n'), SEEN]),
    ('output raw', ['-OPOST'], [w('a\nb\tc'), SEEN]),
    ('output without ONLCR', ['-ONLCR'], [w('a\nb'), SEEN]),
    ('output OCRNL', ['OCRNL', '-ONLCR'], [w('a\rb'), SEEN]),
    ('output OCRNL and ONLCR', ['OCRNL'], [w('a\rb\n'), SEEN]),
    ('output ONOCR', ['ONOCR'], [w('\rab\r\rc\n\rd'), SEEN]),
    ('output ONLRET', ['ONLRET', 'ONOCR', '-ONLCR'], [w('ab\n\rc\r'), SEEN]),
    ('output OLCUC', ['OLCUC'], [w('aBz\xe1'), SEEN]),
    ('output tabs as spaces', ['XTABS'], [w('a\tbc\t\tx\b\b\b\ty\n\tz'), SEEN]),
    ('output tabs as spaces and UTF-8', ['XTABS', 'IUTF8'], [w('\xc3\xa9\tx'), SEEN]),
    ('echo of tabs as spaces', ['XTABS'], [w('> '), t('a\t\x7f\n'), SEEN, r()]),
    ('control characters in output take no column', ['XTABS'], [w('\x1b[1mab\tc'), SEEN]),
    ('an overlong line', ['-ECHO'], [t('x' * 4200), INQ, t('\n'), INQ, r(5000), r()]),
    ('a full buffer of lines', ['-ECHO'], [t(('y' * 99 + '\n') * 40), t('z' * 200 + '\n'), INQ, r(100), INQ, r(100)]),
    ('a full raw buffer', ['-ECHO', '-ICANON'], [t('x' * 4094), t('y' * 10), INQ, r(100), INQ, r(5000), INQ]),
]

# One case a line keeps the file fit for review.
print('[')
for i, (name, settings, steps) in enumerate(CASES):
    case = {'name': name, 'settings': settings, 'steps': steps, 'results': run(settings, steps)}
    print('  ' + json.dumps(case) + (',' if i + 1 < len(CASES) else ''))
print(']')
