/* reboot (needs root): what is refused before anything happens. */
#include "check.h"

int main(void) {
  CHECK(syscall(SYS_reboot, 0, 672274793, 0x01234567, NULL));
  CHECK(syscall(SYS_reboot, 0xfee1dead, 0, 0x01234567, NULL));
  CHECK(syscall(SYS_reboot, 0xfee1dead, 85072278, 0x12345, NULL));
  NEED(setuid(12345) == 0);
  CHECK(syscall(SYS_reboot, 0, 0, 0, NULL));
  return 0;
}
