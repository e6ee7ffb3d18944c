# CMake with Make and with Ninja: a library, a program, generated sources, tests, installation, rebuilds.
# Needs: cmake ctest ninja make gcc g++
# Timeout: 600
export LC_ALL=C
mkdir -p source/lib source/app && cd source
cat > CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.20)
project(sample VERSION 1.2.3 LANGUAGES C CXX)
enable_testing()
find_package(Threads REQUIRED)
include(CheckIncludeFile)
check_include_file(sys/epoll.h HAVE_EPOLL)
add_custom_command(OUTPUT generated.h COMMAND sh ${CMAKE_SOURCE_DIR}/generate.sh > generated.h DEPENDS generate.sh)
add_library(sample SHARED lib/a.c lib/b.c)
foreach(n RANGE 1 20)
  file(WRITE ${CMAKE_BINARY_DIR}/f${n}.c "int f${n}(void) { return ${n}; }\n")
  target_sources(sample PRIVATE ${CMAKE_BINARY_DIR}/f${n}.c)
endforeach()
add_executable(app app/main.cpp generated.h)
target_include_directories(app PRIVATE ${CMAKE_CURRENT_BINARY_DIR})
target_link_libraries(app PRIVATE sample Threads::Threads)
add_test(NAME runs COMMAND app)
add_test(NAME fails COMMAND app fail)
set_tests_properties(fails PROPERTIES WILL_FAIL TRUE)
install(TARGETS app sample)
EOF
echo 'echo "#define GENERATED 40"' > generate.sh
echo 'int a(void) { return 1; }' > lib/a.c; echo 'int b(void) { return 1; }' > lib/b.c
cat > app/main.cpp <<'EOF'
#include "generated.h"
#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <regex>
#include <stdexcept>
#include <thread>
#include <vector>
extern "C" int a(), b(), f20();
int main(int argc, char **) {
  std::vector<std::future<int>> parts;
  for (int i = 0; i < 10; i++) parts.push_back(std::async(std::launch::async, [i] { return i; }));
  int sum = GENERATED + a() + b() + f20();
  for (auto &part : parts) sum += part.get();
  try { throw std::runtime_error("caught"); } catch (const std::exception &e) { std::cout << e.what() << " " << sum << std::endl; }
  return argc > 1;
}
EOF
cd ..
for generator in Ninja 'Unix Makefiles'; do
  cmake -S source -B build -G "$generator" -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$PWD/out" > log; echo "configure $?"; tail -1 log | sed 's/:.*//'; grep -c Found log
  cmake --build build --parallel 4 > log; echo "build $?"; grep -c Building log
  build/app; echo "app $?"
  cmake --build build | grep -cE 'Building|Linking'
  sleep 0.01; echo 'echo "#define GENERATED 41"' > source/generate.sh; cmake --build build | grep -cE 'Building'; build/app
  (cd build && ctest -j 2 | grep 'tests passed'); cmake --install build | grep -c Installing
  LD_LIBRARY_PATH=out/lib out/bin/app; find out -type f | sort
  echo 'int a(void) {' > source/lib/a.c; cmake --build build > log 2>&1; echo "broken $?"; echo 'int a(void) { return 1; }' > source/lib/a.c
  echo 'echo "#define GENERATED 40"' > source/generate.sh
  rm -rf build out
done
cat > build.ninja <<'EOF'
rule slow
  command = sh -c 'echo $out > $out'
rule join
  command = cat $in > $out
EOF
for n in $(seq 1 100); do echo "build o$n: slow" >> build.ninja; done
echo "build all: join $(seq -f 'o%.0f' -s ' ' 1 100)" >> build.ninja
ninja -j 8 | tail -1; ninja; wc -l < all; ninja -t clean
