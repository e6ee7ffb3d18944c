#!/bin/sh
# Builds the zygote: build-stub.sh OUTPUT. No FPU registers (the guest's are live), no libc, fixed address.
set -e
here=$(dirname "$0")
exec gcc -O2 -static -nostdlib -ffreestanding -fno-stack-protector -mgeneral-regs-only -fno-pic -fno-pie -no-pie \
  -mcmodel=large -fno-asynchronous-unwind-tables -fcf-protection=none -Wall -Wextra -Werror \
  -Wl,-T,"$here/stub.ld" -Wl,--build-id=none -Wl,-z,noexecstack "$here/stub.c" "$here/stub-entry.S" -o "$1"
