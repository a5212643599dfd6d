# A C project: generated sources, a static and a shared library, make -j2, and make must then see that nothing is to be done.
files=$((300 / SCALE))
mkdir -p /srv/build/src /srv/build/include
cd /srv/build
awk -v n="$files" 'BEGIN {
  for (i = 1; i <= n; i++) {
    file = sprintf("src/f%03d.c", i)
    printf "#include <stdio.h>\n#include <string.h>\n#include \"all.h\"\n" > file
    printf "static int square(int x) { return x * x; }\nint f%03d(int x) { return square(x) %% 7 + %d; }\n", i, i > file
    close(file)
    printf "int f%03d(int x);\n", i > "include/all.h"
    calls = calls sprintf("  sum += f%03d(%d);\n", i, i)
    expected += (i * i) % 7 + i
  }
  printf "#include <stdio.h>\n#include \"all.h\"\nint main(void) {\n  int sum = 0;\n%s  printf(\"%%d\\n\", sum);\n}\n", calls > "main.c"
  print expected > "expected"
}'
cat > Makefile <<'M'
objects := $(patsubst src/%.c,obj/%.o,$(wildcard src/*.c))
all: static shared
static: main.c libf.a
	gcc -O1 -Iinclude -o $@ $^
shared: main.c libf.so
	gcc -O1 -Iinclude -o $@ main.c -L. -lf -Wl,-rpath,/srv/build
libf.a: $(objects)
	ar rcs $@ $^
libf.so: $(objects)
	gcc -shared -o $@ $^
obj/%.o: src/%.c include/all.h | obj
	gcc -O1 -fPIC -Iinclude -c -o $@ $<
obj:
	mkdir -p $@
M
make -s -j2
./static | cmp - expected
./shared | cmp - expected
make -q
touch src/f001.c
is "$(make -n | grep -c -e '-c -o')" 1
make -s -j2
make -q
strip -o stripped static
./stripped | cmp - expected
