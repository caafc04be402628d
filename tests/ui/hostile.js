// SPDX-License-Identifier: Apache-2.0
// Names that mean harm, or that no markup, script or terminal is ready for.
'use strict';
exports.nasty = ['</script><script>alert(1)</script>', ']]>', '"quo\'ted"', '<img src=x onerror=alert(2)>', '\x1b[31mred\x07',
  '\u202eevil', '${alert(3)}', '__proto__', 'constructor', ';semi colon 12', '{{x}}', '&lt;b&gt;', 'javascript:alert(4)',
  '<!--', '\u2028line', Buffer.from([0xff, 0xfe, 0x41, 0xc3, 0x28]), 'x'.repeat(65536) + 'END'];
