#include "slalom/model_io/pytorch_file.hpp"

#include <algorithm>
#include <cstring>

#include "slalom/base/error.hpp"
#include "slalom/base/json.hpp"

namespace slalom {

namespace {

// --- the zip archive -------------------------------------------------------------------------------------

struct Stored {
  std::uint64_t begin = 0, bytes = 0;  // of the file
};
using Archive = std::map<std::string, Stored, std::less<>>;

/// The little-endian number of `bytes` bytes at `at`, which are there.
std::uint64_t number_at(std::string_view record, std::size_t at, std::size_t bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, record.data() + at, bytes);
  return number;
}

class ZipReader {
 public:
  ZipReader(const ReadBytes& read, std::uint64_t file_bytes, const std::string& where)
      : read_(read), size_(file_bytes), where_(where) {}

  /// Of the directory, which the record at the end of the file describes; a comment may follow that.
  Archive entries() const {
    constexpr std::uint64_t kEnd = 22, kMostComment = 65535, kFixed = 46;
    const std::uint64_t tail = std::min(size_, kEnd + kMostComment);
    const std::string end = bytes_at({size_ - tail, tail}, "its end");
    const std::size_t at = end.rfind("PK\x05\x06");
    if (at == std::string::npos || end.size() - at < kEnd) refuse("no end of a zip archive");
    const std::string_view last = std::string_view(end).substr(at);
    const std::uint64_t count = number_at(last, 10, 2);
    if (count == UINT16_MAX) refuse(kBeyond);
    const std::string list = bytes_at({offset(last, 16), offset(last, 12)}, "its directory");
    Archive archive;
    std::string_view rest = list;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (rest.size() < kFixed || number_at(rest, 0, 4) != 0x02014b50) refuse("a damaged directory");
      const std::size_t name = number_at(rest, 28, 2);
      const std::size_t all = kFixed + name + number_at(rest, 30, 2) + number_at(rest, 32, 2);
      if (rest.size() < all) refuse("a damaged directory");
      archive[std::string(rest.substr(kFixed, name))] = entry(rest);
      rest.remove_prefix(all);
    }
    return archive;
  }

  std::string bytes_at(Stored place, const char* what) const {
    if (place.begin > size_ || place.bytes > size_ - place.begin) refuse(concat("no room for ", what));
    std::string out(place.bytes, '\0');
    read_(out.data(), out.size(), place.begin);
    return out;
  }

 private:
  static constexpr const char* kBeyond = "an archive beyond 4 GiB";

  [[noreturn]] void refuse(const std::string& found) const {
    throw Error(concat(where_, ": found ", found, ", wanted an archive as torch.save writes it"));
  }

  /// A number of four bytes; the largest says that the real one is elsewhere.
  std::uint64_t offset(std::string_view record, std::size_t at) const {
    const std::uint64_t number = number_at(record, at, 4);
    if (number == UINT32_MAX) refuse(kBeyond);
    return number;
  }

  Stored entry(std::string_view record) const {
    if ((number_at(record, 8, 2) & 1) != 0) refuse("an encrypted file");
    const std::uint64_t method = number_at(record, 10, 2), bytes = offset(record, 24);
    if (method != 0 || number_at(record, 20, 4) != bytes) refuse("a compressed file");
    constexpr std::uint64_t kFixed = 30;
    const std::uint64_t local = offset(record, 42);
    const std::string head = bytes_at({local, kFixed}, "a file");
    if (!head.starts_with(kZipMagic)) refuse("a damaged file");
    const std::uint64_t begin = local + kFixed + number_at(head, 26, 2) + number_at(head, 28, 2);
    if (begin > size_ || bytes > size_ - begin) refuse("a file that ends behind the archive");
    return {begin, bytes};
  }

  const ReadBytes& read_;
  std::uint64_t size_;
  const std::string& where_;
};

// --- the pickle ------------------------------------------------------------------------------------------

enum class Kind : std::uint8_t { none, number, text, tuple, dictionary, global, storage, tensor };

/// Values refer to others by their number, so that nothing here is recursive.
struct Value {
  Kind kind = Kind::none;
  std::int64_t number = 0;             // of a storage its elements
  std::string text{};                  // of a global "module name"
  std::vector<std::uint32_t> items{};  // of a dictionary key, value, key …
  TensorEntry tensor{};                // of a storage its place and type
};

constexpr std::size_t kMostPickle = std::size_t{4} << 20;  // bytes
constexpr std::size_t kMostValues = std::size_t{1} << 20;
constexpr std::size_t kMostTensors = 100'000;

constexpr std::pair<const char*, DType> kStorages[] = {
    {"torch FloatStorage", DType::f32}, {"torch DoubleStorage", DType::f64},
    {"torch HalfStorage", DType::f16},  {"torch BFloat16Storage", DType::bf16},
    {"torch LongStorage", DType::i64},  {"torch IntStorage", DType::i32},
    {"torch ShortStorage", DType::i16}, {"torch CharStorage", DType::i8},
    {"torch ByteStorage", DType::u8},   {"torch BoolStorage", DType::boolean}};
constexpr const char* kDictionary = "collections OrderedDict";
constexpr const char* kTensor = "torch._utils _rebuild_tensor_v2";
constexpr const char* kParameter = "torch._utils _rebuild_parameter";

class Machine {
 public:
  Machine(std::string_view pickle, const Archive& archive, const std::string& folder,
          const std::string& where)
      : pickle_(pickle), archive_(archive), folder_(folder), where_(where) {}

  std::vector<TensorEntry> run() {
    for (char code = 0; (code = take(1)[0]) != '.';) step(static_cast<unsigned char>(code));
    if (stack_.size() != 1 || !marks_.empty()) refuse("the end of something else");
    const std::vector<std::uint32_t>& items = top_dictionary("the end of something else").items;
    std::vector<TensorEntry> tensors;
    if (items.size() > 2 * kMostTensors) refuse("too many values");
    for (std::size_t i = 0; i < items.size(); i += 2) {
      const std::string& name = values_[items[i]].text;
      const Value& value = values_[items[i + 1]];
      if (value.kind != Kind::tensor) refuse(concat("the entry ", json_string(name), ", which is no tensor"));
      tensors.push_back(value.tensor);
      tensors.back().name = name;
    }
    return tensors;
  }

 private:
  [[noreturn]] void refuse(const std::string& found) const {
    throw Error(concat(where_, ": byte ", at_, ": found ", found, ", wanted a dictionary of tensors"),
                "the file can hold more than weights, and nothing of it is run");
  }

  std::string_view take(std::uint64_t bytes) {
    if (bytes > pickle_.size() - at_) refuse("the end of the file");
    const std::string_view taken = pickle_.substr(at_, bytes);
    at_ += bytes;
    return taken;
  }
  std::uint64_t take_number(std::size_t bytes) { return number_at(take(bytes), 0, bytes); }
  std::string_view take_line() {
    const std::size_t end = pickle_.find('\n', at_);
    if (end == std::string_view::npos) refuse("the end of the file");
    const std::string_view line = take(end - at_);
    ++at_;
    return line;
  }

  Value& top_dictionary(const char* otherwise) {
    if (stack_.empty() || values_[stack_.back()].kind != Kind::dictionary) refuse(otherwise);
    return values_[stack_.back()];
  }
  void make(Value value) {
    if (values_.size() == kMostValues) refuse("too many values");
    stack_.push_back(static_cast<std::uint32_t>(values_.size()));
    values_.push_back(std::move(value));
  }
  void number(std::int64_t value) { make({.kind = Kind::number, .number = value}); }

  std::uint32_t pop() {
    const std::size_t bottom = marks_.empty() ? 0 : marks_.back();
    if (stack_.size() == bottom) refuse("a step without its value");
    const std::uint32_t value = stack_.back();
    stack_.pop_back();
    return value;
  }
  std::vector<std::uint32_t> pop_last(std::size_t count) {
    std::vector<std::uint32_t> items(count);
    for (std::size_t i = count; i > 0; --i) items[i - 1] = pop();
    return items;
  }
  std::vector<std::uint32_t> pop_to_mark() {
    if (marks_.empty()) refuse("a step without its mark");
    std::vector<std::uint32_t> items = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }
  const Value& pop_kind(Kind kind, const char* otherwise) {
    const Value& value = values_[pop()];
    if (value.kind != kind) refuse(otherwise);
    return value;
  }

  /// Names as in Python's pickletools.
  void step(unsigned code) {
    switch (code) {
      case 0x80:  // PROTO
        if (const std::uint64_t protocol = take_number(1); protocol != 2)
          refuse(concat("the pickle protocol ", protocol));
        return;
      case '(':  // MARK
        return marks_.push_back(stack_.size());
      case 'N':  // NONE
        return make({});
      case 0x88:  // NEWTRUE
      case 0x89:  // NEWFALSE
        return number(code == 0x88);
      case 'K':  // BININT1
      case 'M':  // BININT2
        return number(static_cast<std::int64_t>(take_number(code == 'K' ? 1 : 2)));
      case 'J':  // BININT
        return number(static_cast<std::int32_t>(take_number(4)));
      case 0x8a:  // LONG1
        return long_number();
      case 'X':  // BINUNICODE
        return make({.kind = Kind::text, .text = std::string(take(take_number(4)))});
      case ')':   // EMPTY_TUPLE
      case 0x85:  // TUPLE1
      case 0x86:  // TUPLE2
      case 0x87:  // TUPLE3
        return make({.kind = Kind::tuple, .items = pop_last(code == ')' ? 0 : code - 0x84)});
      case 't':  // TUPLE
        return make({.kind = Kind::tuple, .items = pop_to_mark()});
      case '}':  // EMPTY_DICT
        return make({.kind = Kind::dictionary});
      case 's':  // SETITEM
        return set_items(pop_last(2));
      case 'u':  // SETITEMS
        return set_items(pop_to_mark());
      case 'q':  // BINPUT
      case 'r':  // LONG_BINPUT
        if (stack_.empty()) refuse("a step without its value");
        memo_[take_number(code == 'q' ? 1 : 4)] = stack_.back();
        return;
      case 'h':  // BINGET
      case 'j':  // LONG_BINGET
        return recall(take_number(code == 'h' ? 1 : 4));
      case 'c':  // GLOBAL
        return global();
      case 'Q':  // BINPERSID
        return storage();
      case 'R':  // REDUCE
        return call();
      case 'b':  // BUILD: the state of a dictionary, which is of no use here
        pop();
        top_dictionary("the state of something else");
        return;
      default:
        refuse(concat("the pickle step ", code));
    }
  }

  void long_number() {
    const std::uint64_t bytes = take_number(1);
    if (bytes == 0 || bytes > 8) refuse("a number beyond 64 bits");
    const std::string_view digits = take(bytes);
    std::int64_t value = (digits.back() & 0x80) != 0 ? -1 : 0;
    std::memcpy(&value, digits.data(), bytes);
    number(value);
  }

  void recall(std::uint64_t place) {
    const auto found = memo_.find(place);
    if (found == memo_.end()) refuse("a value that was not kept");
    stack_.push_back(found->second);
  }

  void global() {
    const std::string module(take_line());
    const std::string name = concat(module, " ", take_line());
    const bool known = name == kDictionary || name == kTensor || name == kParameter ||
                       std::ranges::any_of(kStorages, [&](const auto& s) { return name == s.first; });
    if (!known) refuse(concat("the name ", json_string(name.substr(0, 100))));
    make({.kind = Kind::global, .text = name});
  }

  void set_items(const std::vector<std::uint32_t>& items) {
    if (items.size() % 2 != 0) refuse("a key without its value");
    for (std::size_t i = 0; i < items.size(); i += 2)
      if (values_[items[i]].kind != Kind::text) refuse("a key that is no text");
    Value& dictionary = top_dictionary("items of something else");
    dictionary.items.insert(dictionary.items.end(), items.begin(), items.end());
  }

  /// ("storage", type, key, device, elements): bytes of the archive's file data/KEY.
  void storage() {
    const Value& id = pop_kind(Kind::tuple, "a storage without a tuple");
    const auto part = [&](std::size_t i, Kind kind) -> const Value& {
      if (id.items.size() != 5 || values_[id.items[i]].kind != kind) refuse("a storage of another kind");
      return values_[id.items[i]];
    };
    const std::string& type = part(1, Kind::global).text;
    const std::string file = concat(folder_, "data/", part(2, Kind::text).text);
    const auto known = std::ranges::find_if(kStorages, [&](const auto& s) { return type == s.first; });
    if (part(0, Kind::text).text != "storage" || known == std::end(kStorages))
      refuse("a storage of another kind");
    const auto stored = archive_.find(file);
    if (stored == archive_.end()) refuse(concat("no file ", json_string(file)));
    const std::int64_t elements = part(4, Kind::number).number;
    const std::size_t width = dtype_bytes(known->second);
    if (elements < 0 || stored->second.bytes % width != 0 ||
        static_cast<std::uint64_t>(elements) != stored->second.bytes / width)
      refuse(concat(stored->second.bytes, " bytes in ", json_string(file), " for ", elements, " numbers"));
    Value value{.kind = Kind::storage, .number = elements};
    value.tensor.dtype = known->second;
    value.tensor.begin = stored->second.begin;
    make(std::move(value));
  }

  void call() {
    const std::vector<std::uint32_t> arguments = pop_kind(Kind::tuple, "a call without a tuple").items;
    const std::string function = pop_kind(Kind::global, "a call of no name").text;
    if (function == kDictionary && arguments.empty()) return make({.kind = Kind::dictionary});
    if (function == kParameter && arguments.size() == 3 && values_[arguments[0]].kind == Kind::tensor)
      return stack_.push_back(arguments[0]);
    if (function == kTensor && arguments.size() == 6) return tensor(arguments);
    refuse(concat("a call of ", function, " with ", arguments.size(), " values"));
  }

  std::vector<Index> extents(const Value& tuple) const {
    if (tuple.kind != Kind::tuple || tuple.items.size() > 8) refuse("a shape of another kind");
    std::vector<Index> list;
    for (const std::uint32_t item : tuple.items) {
      if (values_[item].kind != Kind::number || values_[item].number < 0) refuse("a shape of another kind");
      list.push_back(values_[item].number);
    }
    return list;
  }

  /// (storage, first element, shape, strides, …): row-major unless the strides say otherwise.
  void tensor(const std::vector<std::uint32_t>& arguments) {
    const Value &storage = values_[arguments[0]], &offset = values_[arguments[1]];
    if (storage.kind != Kind::storage || offset.kind != Kind::number) refuse("a tensor of another kind");
    Value value{.kind = Kind::tensor, .tensor = storage.tensor};
    TensorEntry& t = value.tensor;
    t.shape = extents(values_[arguments[2]]);
    t.stride = extents(values_[arguments[3]]);
    if (t.stride.size() != t.shape.size()) refuse("a shape of another kind");
    const Index available = storage.number;
    const bool empty = std::ranges::count(t.shape, 0) > 0;
    Index elements = empty ? 0 : 1, last = offset.number;
    bool row_major = true;
    for (std::size_t a = t.shape.size(); a-- > 0 && !empty;) {
      const Index extent = t.shape[a], stride = t.stride[a];
      row_major = row_major && (extent == 1 || stride == elements);
      Index reach = 0;
      if (elements > available / extent || __builtin_mul_overflow(extent - 1, stride, &reach) ||
          __builtin_add_overflow(last, reach, &last))
        refuse("a tensor larger than its storage");
      elements *= extent;
    }
    if (offset.number < 0 || (elements > 0 && last >= available)) refuse("a tensor larger than its storage");
    if (elements == 0 || row_major) t.stride.clear();
    const std::size_t width = dtype_bytes(t.dtype);
    t.begin += elements == 0 ? 0 : static_cast<std::uint64_t>(offset.number) * width;
    t.end = t.begin + (elements == 0 ? 0 : static_cast<std::uint64_t>(last - offset.number + 1) * width);
    make(std::move(value));
  }

  std::string_view pickle_;
  const Archive& archive_;
  const std::string& folder_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::vector<Value> values_;
  std::vector<std::uint32_t> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::unordered_map<std::uint64_t, std::uint32_t> memo_;
};

}  // namespace

TensorHeader read_pytorch_header(const ReadBytes& read, std::uint64_t file_bytes, const std::string& where) {
  const ZipReader zip(read, file_bytes, where);
  const Archive archive = zip.entries();
  const std::string program = "data.pkl";
  const auto found = std::ranges::find_if(archive, [&](const auto& file) {
    return file.first == program || file.first.ends_with("/" + program);
  });
  if (found == archive.end())
    throw Error(concat(where, ": found a zip archive without ", program, ", wanted what torch.save writes"));
  const auto& [path, stored] = *found;
  if (stored.bytes > kMostPickle)
    throw Error(concat(where, ": ", path, ": found ", stored.bytes, " bytes, wanted at most ", kMostPickle));
  const std::string folder = path.substr(0, path.size() - program.size());
  const auto order = archive.find(folder + "byteorder");
  if (order != archive.end() && order->second.bytes <= 16 &&
      !zip.bytes_at(order->second, "its byte order").starts_with("little"))
    throw Error(concat(where, ": found another byte order, wanted little"));
  const std::string pickle = zip.bytes_at(stored, "its pickle");
  return {.tensors = Machine(pickle, archive, folder, concat(where, ": ", path)).run()};
}

}  // namespace slalom
