// The opcodes are those of Python's Lib/pickletools.py. What an opcode makes is
// of fixed size or as long as what it took from the stack or the file (the one
// exception, an OrderedDict of pairs, is counted), so that the caps below bound
// memory and time whatever the pickle says.
#include "frontends/weights/Pickle.h"
#include "frontends/weights/Message.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>

namespace tl::weights {

namespace {

using Kind = PickleValue::Kind;

constexpr size_t maxValues = 1u << 20;
constexpr size_t maxOpcodes = 4u << 20;
constexpr size_t maxTextBytes = 16u << 20;
constexpr size_t maxGlobals = 256;
constexpr size_t maxGlobalBytes = 1000;
constexpr size_t bufferBytes = 64u << 10;

class Unpickler {
public:
  Unpickler(const File &file, uint64_t begin, uint64_t end,
            std::string_view place)
      : file(file), begin(begin), position(begin), end(end), place(place) {}

  Result<PickledData> run();

private:
  // Each handles some opcodes and is false for the others.
  bool scalar(uint8_t opcode);
  bool text(uint8_t opcode);
  bool container(uint8_t opcode);
  bool filling(uint8_t opcode);
  bool memory(uint8_t opcode);
  bool object(uint8_t opcode);

  void fail(const std::string &what);
  void bytes(std::span<std::byte> out);
  template <typename T> T number();
  void push(PickleValue value);
  uint32_t pop();
  std::vector<uint32_t> popToMark();
  void pushText(uint64_t length);
  void pushInteger(uint64_t length);
  void pushTuple(size_t count);
  void pushGlobal(std::string name);
  std::string line();
  void call();
  void fill(const std::vector<uint32_t> &items, Kind kind);
  void remember(uint64_t key);
  void recall(uint64_t key);

  const File &file;
  uint64_t begin, position, end;
  std::string_view place;
  std::vector<std::byte> buffer;
  size_t at = 0; // in `buffer`
  uint64_t opcodeAt = 0;

  PickledData data;
  std::vector<uint32_t> stack;
  std::vector<size_t> marks;
  std::unordered_map<uint64_t, uint32_t> memo;
  size_t opcodes = 0, textBytes = 0, pairs = 0;
  std::string failure;
};

// Only the first failure counts: what follows one is its echo.
void Unpickler::fail(const std::string &what) {
  if (failure.empty())
    failure = std::string(place) + ", byte " +
              std::to_string(opcodeAt - begin) + ": " + what;
}

void Unpickler::bytes(std::span<std::byte> out) {
  while (!out.empty() && failure.empty()) {
    if (at == buffer.size()) {
      buffer.resize(std::min<uint64_t>(bufferBytes, end - position));
      at = 0;
      if (buffer.empty())
        return fail("the pickle ends early");
      if (Status status = file.read(position, buffer); !status)
        return fail(status.message());
      position += buffer.size();
    }
    size_t count = std::min(out.size(), buffer.size() - at);
    std::memcpy(out.data(), buffer.data() + at, count);
    at += count;
    out = out.subspan(count);
  }
}

template <typename T> T Unpickler::number() {
  T value{};
  bytes(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

void Unpickler::push(PickleValue value) {
  if (data.values.size() == maxValues)
    return fail("the pickle has more than " + std::to_string(maxValues) +
                " values");
  stack.push_back(static_cast<uint32_t>(data.values.size()));
  data.values.push_back(std::move(value));
}

uint32_t Unpickler::pop() {
  if (stack.size() <= (marks.empty() ? 0 : marks.back())) {
    fail("an opcode finds too few values");
    // Value 0 exists from the start, so that what follows needs no checks.
    return 0;
  }
  uint32_t top = stack.back();
  stack.pop_back();
  return top;
}

std::vector<uint32_t> Unpickler::popToMark() {
  if (marks.empty()) {
    fail("an opcode finds no mark");
    return {};
  }
  auto from = stack.begin() + static_cast<ptrdiff_t>(marks.back());
  std::vector<uint32_t> items(from, stack.end());
  stack.erase(from, stack.end());
  marks.pop_back();
  return items;
}

void Unpickler::pushText(uint64_t length) {
  if (length > maxTextBytes - textBytes)
    return fail("the pickle has more than " + std::to_string(maxTextBytes) +
                " bytes of text");
  textBytes += length;
  PickleValue value{Kind::Text, 0, std::string(length, '\0'), {}};
  bytes(std::as_writable_bytes(std::span(value.text)));
  push(std::move(value));
}

// Two's complement, little-endian; what does not fit 64 bits is a number that
// no weight needs (torch's own magic word is one).
void Unpickler::pushInteger(uint64_t length) {
  if (length > 8) {
    pushText(length);
    if (failure.empty())
      data.values[stack.back()].kind = Kind::Other;
    return;
  }
  int64_t value = 0;
  bytes(std::as_writable_bytes(std::span(&value, 1)).first(length));
  unsigned unused = static_cast<unsigned>(64 - 8 * length);
  if (length > 0)
    value =
        static_cast<int64_t>(static_cast<uint64_t>(value) << unused) >> unused;
  push({Kind::Integer, value, {}, {}});
}

void Unpickler::pushTuple(size_t count) {
  PickleValue tuple{Kind::Sequence, 0, {}, std::vector<uint32_t>(count)};
  while (count > 0)
    tuple.items[--count] = pop();
  push(std::move(tuple));
}

void Unpickler::pushGlobal(std::string name) {
  std::vector<std::string> &globals = data.globals;
  auto found = std::find(globals.begin(), globals.end(), name);
  if (found == globals.end() &&
      (globals.size() == maxGlobals || name.size() > maxGlobalBytes))
    return fail("the pickle asks for more functions than " +
                std::to_string(maxGlobals) +
                ", or for one of a longer name "
                "than " +
                std::to_string(maxGlobalBytes) + " bytes");
  int64_t index = found - globals.begin();
  if (found == globals.end())
    globals.push_back(std::move(name));
  push({Kind::Global, index, {}, {}});
}

std::string Unpickler::line() {
  std::string text;
  for (char c; failure.empty() && (c = number<char>()) != '\n'; text += c)
    if (text.size() > maxGlobalBytes)
      fail("a name does not end");
  return text;
}

// An OrderedDict is the one object that is needed as what it is. Python 2
// gives it its pairs as an argument. Of a whole module, torch's older form
// keeps the class outside the pickle, with its source: ("module", class, ...).
void Unpickler::call() {
  uint32_t argumentsAt = pop(), functionAt = pop();
  if (data.values[functionAt].kind == Kind::External) {
    uint32_t description = data.values[functionAt].items[0];
    if (data.values[description].items.size() > 1)
      functionAt = data.values[description].items[1];
  }
  const PickleValue &function = data.values[functionAt];
  if (function.kind != Kind::Global)
    return fail("an opcode calls what is no function");
  if (data.globals[static_cast<size_t>(function.integer)] !=
      "collections.OrderedDict")
    return push({Kind::Call, function.integer, {}, {argumentsAt}});
  PickleValue dict{Kind::Dict, 0, {}, {}};
  const PickleValue &arguments = data.values[argumentsAt];
  if (!arguments.items.empty())
    for (uint32_t pair : data.values[arguments.items[0]].items) {
      const std::vector<uint32_t> &items = data.values[pair].items;
      if (items.size() != 2 || ++pairs > maxValues)
        return fail("an OrderedDict is not made of pairs, or of too many");
      dict.items.insert(dict.items.end(), items.begin(), items.end());
    }
  push(std::move(dict));
}

// What is put into an object that is only noted (a Counter) is left out.
void Unpickler::fill(const std::vector<uint32_t> &items, Kind kind) {
  PickleValue &into = data.values[pop()];
  if (into.kind == kind)
    into.items.insert(into.items.end(), items.begin(), items.end());
  else if (into.kind != Kind::Call)
    return fail("an opcode fills what is no container");
  if (kind == Kind::Dict && items.size() % 2)
    return fail("a dictionary has a key without a value");
  stack.push_back(static_cast<uint32_t>(&into - data.values.data()));
}

void Unpickler::remember(uint64_t key) {
  uint32_t top = pop();
  stack.push_back(top);
  memo[key] = top;
}

void Unpickler::recall(uint64_t key) {
  auto found = memo.find(key);
  if (found == memo.end())
    return fail("the pickle recalls value " + std::to_string(key) +
                ", which it never kept");
  stack.push_back(found->second);
}

bool Unpickler::scalar(uint8_t opcode) {
  auto integer = [&](int64_t value) {
    push({Kind::Integer, value, {}, {}});
    return true;
  };
  switch (opcode) {
  case 'N': // NONE
    push({Kind::None, 0, {}, {}});
    return true;
  case 0x88: // NEWTRUE
    return integer(1);
  case 0x89: // NEWFALSE
    return integer(0);
  case 'J': // BININT
    return integer(number<int32_t>());
  case 'K': // BININT1
    return integer(number<uint8_t>());
  case 'M': // BININT2
    return integer(number<uint16_t>());
  case 0x8a: // LONG1
    pushInteger(number<uint8_t>());
    return true;
  case 0x8b: // LONG4
    pushInteger(number<uint32_t>());
    return true;
  case 'G': // BINFLOAT
    (void)number<uint64_t>();
    push({Kind::Other, 0, {}, {}});
    return true;
  default:
    return false;
  }
}

bool Unpickler::text(uint8_t opcode) {
  switch (opcode) {
  case 'U':  // SHORT_BINSTRING
  case 'C':  // SHORT_BINBYTES
  case 0x8c: // SHORT_BINUNICODE
    pushText(number<uint8_t>());
    return true;
  case 'T': // BINSTRING
  case 'B': // BINBYTES
  case 'X': // BINUNICODE
    pushText(number<uint32_t>());
    return true;
  case 0x8d: // BINUNICODE8
  case 0x8e: // BINBYTES8
    pushText(number<uint64_t>());
    return true;
  default:
    return false;
  }
}

bool Unpickler::container(uint8_t opcode) {
  switch (opcode) {
  case '}': // EMPTY_DICT
    push({Kind::Dict, 0, {}, {}});
    return true;
  case ']': // EMPTY_LIST
  case ')': // EMPTY_TUPLE
    push({Kind::Sequence, 0, {}, {}});
    return true;
  case '(': // MARK
    marks.push_back(stack.size());
    return true;
  case 't': // TUPLE
    push({Kind::Sequence, 0, {}, popToMark()});
    return true;
  case 0x85: // TUPLE1
  case 0x86: // TUPLE2
  case 0x87: // TUPLE3
    pushTuple(opcode - 0x84u);
    return true;
  default:
    return false;
  }
}

bool Unpickler::filling(uint8_t opcode) {
  switch (opcode) {
  case 'a': // APPEND
    fill({pop()}, Kind::Sequence);
    return true;
  case 'e': // APPENDS
    fill(popToMark(), Kind::Sequence);
    return true;
  case 's': { // SETITEM
    uint32_t value = pop(), key = pop();
    fill({key, value}, Kind::Dict);
    return true;
  }
  case 'u': // SETITEMS
    fill(popToMark(), Kind::Dict);
    return true;
  default:
    return false;
  }
}

bool Unpickler::memory(uint8_t opcode) {
  switch (opcode) {
  case 'q': // BINPUT
    remember(number<uint8_t>());
    return true;
  case 'r': // LONG_BINPUT
    remember(number<uint32_t>());
    return true;
  case 0x94: // MEMOIZE
    remember(memo.size());
    return true;
  case 'h': // BINGET
    recall(number<uint8_t>());
    return true;
  case 'j': // LONG_BINGET
    recall(number<uint32_t>());
    return true;
  case '0': // POP
    pop();
    return true;
  case '1': // POP_MARK
    popToMark();
    return true;
  default:
    return false;
  }
}

bool Unpickler::object(uint8_t opcode) {
  switch (opcode) {
  case 'c': { // GLOBAL
    std::string module = line();
    pushGlobal(module + "." + line());
    return true;
  }
  case 0x93: { // STACK_GLOBAL
    std::string name = data.values[pop()].text;
    pushGlobal(data.values[pop()].text + "." + name);
    return true;
  }
  case 'R':  // REDUCE
  case 0x81: // NEWOBJ
    call();
    return true;
  case 'b': // BUILD: an object's state, such as an OrderedDict's _metadata
    pop();
    return true;
  case 'Q': // BINPERSID
    push({Kind::External, 0, {}, {pop()}});
    return true;
  case 0x80: // PROTO
    if (uint8_t version = number<uint8_t>(); version < 2 || version > 5)
      fail("expected a pickle of protocol 2 to 5, found " +
           std::to_string(version));
    return true;
  case 0x95: // FRAME
    (void)number<uint64_t>();
    return true;
  default:
    return false;
  }
}

Result<PickledData> Unpickler::run() {
  data.values.emplace_back(); // see pop
  while (failure.empty()) {
    opcodeAt = position - (buffer.size() - at);
    uint8_t opcode = number<uint8_t>();
    if (++opcodes > maxOpcodes)
      fail("the pickle has more than " + std::to_string(maxOpcodes) +
           " opcodes");
    if (opcode == '.') { // STOP
      data.root = pop();
      data.end = position - (buffer.size() - at);
      break;
    }
    bool known = scalar(opcode) || text(opcode) || container(opcode) ||
                 filling(opcode) || memory(opcode) || object(opcode);
    constexpr char digits[] = "0123456789abcdef";
    if (!known)
      fail(std::string("opcode 0x") + digits[opcode >> 4] +
           digits[opcode & 15] + " is none that weights need");
  }
  if (!failure.empty())
    return Error{failure};
  return std::move(data);
}

} // namespace

Result<PickledData> readPickle(const File &file, uint64_t begin, uint64_t end,
                               std::string_view place) {
  return Unpickler(file, begin, end, place).run();
}

} // namespace tl::weights
