// write_test_model FILE: the hand-made container as a file, for the C example.
#include "TestModel.h"

int main(int argc, char **argv) {
  if (argc != 2)
    return 1;
  tl::test::writeFile(argv[1], tl::test::buildTestModel());
}
