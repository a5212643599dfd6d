"""A command in a terminal of its own, 33 rows by 99 columns.

usage: in-terminal.py SCRIPT COMMAND...     SCRIPT: JSON, [[WAIT-FOR, TYPE], ...]; TYPE "44x111" resizes

What it writes goes to stdout, its exit code is ours; 99 when it was not over after 20 s.
"""
import fcntl, json, os, pty, re, select, struct, sys, termios, time

steps = json.loads(sys.argv[1])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])

def resize(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

resize(33, 99)
seen = b''
end = time.time() + 20
while time.time() < end:
    if select.select([fd], [], [], 0.1)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            data = b''
        if not data:
            break
        sys.stdout.buffer.write(data)
        seen += data
    if steps and steps[0][0].encode() in seen:
        seen = b''
        text = steps.pop(0)[1]
        size = re.fullmatch(r'(\d+)x(\d+)', text)
        if size:
            resize(int(size[1]), int(size[2]))
        else:
            os.write(fd, text.encode())
else:
    os.kill(pid, 9)
    os._exit(99)
sys.stdout.flush()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
