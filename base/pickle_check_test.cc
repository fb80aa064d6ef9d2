#include "base/pickle_check.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/pickle_testing.h"

namespace pare {
namespace {

std::string pickle(const std::string& program) { return "\x80\x02" + program + "."; }

std::string storage(const std::string& count, const std::string& key = "0") {
  return "(" + pickled_text("storage") + "ctorch\nFloatStorage\n" + pickled_text(key) + pickled_text("cpu") + count +
         "tQ";
}
std::string tensor(const std::string& count, const std::string& offset, const std::string& size,
                   const std::string& stride) {
  return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(count) + offset + size + "\x85" + stride +
         "\x85\x89"
         "ccollections\nOrderedDict\n)RtR";
}

std::string error_of(const std::string& bytes, bool may_have_classes = false,
                     const std::set<std::string>& enum_classes = {}) {
  const PickleRules rules{.may_have_classes = may_have_classes,
                          .enum_classes = enum_classes,
                          .record_size = [](const std::string& key) -> std::optional<uint64_t> {
                            return key == "0" ? std::optional<uint64_t>(40) : std::nullopt;
                          }};
  return std::string(check_pickle(bytes, rules, "data.pkl").message());
}

bool says(const std::string& error, const std::string& words) { return error.find(words) != std::string::npos; }

TEST(PickleCheckTest, PassesTensorsAndContainers) {
  EXPECT_EQ(error_of(pickle(tensor(pickled_byte(10), pickled_byte(0), pickled_byte(10), pickled_byte(1)))), "");
  EXPECT_EQ(error_of(pickle(tensor(pickled_byte(10), pickled_byte(4), pickled_byte(3), pickled_byte(2)))), "");
  EXPECT_EQ(error_of(pickle("}q\x01(" + pickled_text("a") +
                            "](K\x01K\x02"
                            "e" +
                            pickled_text("b") + "N\x88\x86u")),
            "");
  EXPECT_EQ(error_of(pickle("ctorch.jit._pickle\nrestore_type_tag\n(](K\x01"
                            "e" +
                            pickled_text("List[int]") + "tR")),
            "");
}

TEST(PickleCheckTest, RefusesEveryTruncation) {
  const std::string whole = pickle(tensor(pickled_byte(10), pickled_byte(0), pickled_byte(10), pickled_byte(1)));
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_NE(error_of(whole.substr(0, size)), "") << size;
}

TEST(PickleCheckTest, RefusesAStorageLargerThanItsRecord) {
  EXPECT_TRUE(says(error_of(pickle(storage(pickled_byte(11)))), "more than its record of 40 bytes"));
  EXPECT_TRUE(says(error_of(pickle(storage(pickled_int64(int64_t{1} << 62)))), "more than its record"));
  EXPECT_TRUE(says(error_of(pickle(storage(pickled_int64(-1)))), "negative"));
  EXPECT_TRUE(says(error_of(pickle(storage(pickled_byte(1), "1"))), "no record of storage 1"));
}

TEST(PickleCheckTest, RefusesATensorBeyondItsStorage) {
  const std::string words = "reaches beyond its storage";
  EXPECT_TRUE(
      says(error_of(pickle(tensor(pickled_byte(10), pickled_byte(1), pickled_byte(10), pickled_byte(1)))), words));
  EXPECT_TRUE(
      says(error_of(pickle(tensor(pickled_byte(10), pickled_byte(0), pickled_byte(6), pickled_byte(2)))), words));
  EXPECT_TRUE(
      says(error_of(pickle(tensor(pickled_byte(10), pickled_int64(-1), pickled_byte(2), pickled_byte(1)))), words));
  EXPECT_TRUE(
      says(error_of(pickle(tensor(pickled_byte(10), pickled_byte(0), pickled_int64(-1), pickled_byte(1)))), words));
  EXPECT_TRUE(
      says(error_of(pickle(tensor(pickled_byte(10), pickled_byte(9), pickled_byte(2), pickled_int64(-9)))), words));
  // The product of size and stride is beyond 64 bits.
  EXPECT_TRUE(says(error_of(pickle(tensor(pickled_byte(10), pickled_byte(0), pickled_int64(int64_t{1} << 62),
                                          pickled_int64(int64_t{1} << 62)))),
                   words));
}

TEST(PickleCheckTest, RefusesCallablesThatDoMore) {
  EXPECT_TRUE(says(error_of(pickle("cos\nsystem\n(" + pickled_text("id") + "tR")), "os.system"));
  EXPECT_TRUE(says(error_of(pickle("ctorch.distributed.rpc\nrref\n)R")), "torch.distributed.rpc.rref"));
  EXPECT_TRUE(says(error_of(pickle("ctorch._utils\n_rebuild_sparse_tensor\n)R")), "_rebuild_sparse_tensor"));
  // However the name is cut in two.
  for (const char* name : {"__torch__.torch.classes.quantized\nConv2dPackedParamsBase\n",
                           "__torch__\ntorch.classes.quantized.Conv2dPackedParamsBase\n"}) {
    EXPECT_TRUE(says(error_of(pickle(std::string("c") + name + ")\x81}b"), true), "an object of")) << name;
  }
}

TEST(PickleCheckTest, PassesObjectsOfTheFilesClassesWhereTheyBelong) {
  const std::string object = pickle("c__torch__.resnet\nResNet\n)\x81}(" + pickled_text("training") + "\x89ub");
  EXPECT_EQ(error_of(object, true), "");
  EXPECT_TRUE(says(error_of(object, false), "only tensors belong"));
}

TEST(PickleCheckTest, RefusesAForgedCallable) {
  // The unpickler takes the number 0 for the first callable.
  const std::string zero{'K', '\0'};
  EXPECT_TRUE(says(error_of(pickle(zero + "(" + pickled_text("cpu") + "tR")), "no callable"));
  EXPECT_TRUE(says(error_of(pickle("ctorch\nFloatStorage\n)R")), "no callable"));
}

TEST(PickleCheckTest, RefusesDeepAndCircularValues) {
  EXPECT_EQ(error_of(pickle(")" + std::string(99, '\x85'))), "");
  EXPECT_TRUE(says(error_of(pickle(")" + std::string(101, '\x85'))), "100 deep"));
  EXPECT_TRUE(says(error_of(pickle("]q\x01(h\x01"
                                   "e")),
                   "already holds"));  // a list in itself
  EXPECT_TRUE(says(error_of(pickle("]q\x01\x85q\x02h\x01(h\x02"
                                   "e\x86")),
                   "already holds"));  // by way of a tuple
}

TEST(PickleCheckTest, RefusesAnUnbalancedStack) {
  EXPECT_NE(error_of(pickle("")), "");
  EXPECT_NE(error_of(pickle("NN")), "");
  EXPECT_NE(error_of(pickle("(N")), "");
  EXPECT_NE(error_of(pickle("}NNNs")), "");
  EXPECT_NE(error_of(pickle("}(Nu")), "");
  EXPECT_NE(error_of(pickle("s")), "");
  EXPECT_NE(error_of(pickle("N(\x85")), "");
  EXPECT_NE(error_of(pickle("Nr\xff\xff\xff\xff")), "");
  EXPECT_NE(error_of(pickle("h\x05")), "");
}

TEST(PickleCheckTest, RefusesKeysOfStoragesThatNameAnotherRecord) {
  const PickleRules rules{.record_size = [](const std::string&) -> std::optional<uint64_t> { return 1000; }};
  const auto error = [&](const std::string& key) {
    return std::string(check_pickle(pickle(storage(pickled_byte(1), key)), rules, "data.pkl").message());
  };
  EXPECT_EQ(error("0"), "");
  EXPECT_TRUE(says(error(std::string("9\0", 2)), "control characters"));
  EXPECT_TRUE(says(error(""), "is empty"));
}

TEST(PickleCheckTest, RefusesNamesThatLibTorchReadsAsSomethingElse) {
  EXPECT_TRUE(says(error_of(pickle(std::string("c__torch__.X[\"\0\"]\nB\n)\x81}b", 24)), true), "other characters"));
  EXPECT_TRUE(says(error_of(pickle("c__torch__" + std::string(200'000, 'a') + "\nA\n)\x81}b"), true), "1,000 bytes"));
}

TEST(PickleCheckTest, RefusesTextsOfTypesThatAreNone) {
  const auto tagged = [](const std::string& type) {
    return pickle(
        "ctorch.jit._pickle\nrestore_type_tag\n(](K\x01"
        "e" +
        pickled_text(type) + "tR");
  };
  EXPECT_EQ(error_of(tagged("List[int]")), "");
  EXPECT_TRUE(says(error_of(tagged("-int")), "a type's text"));
  EXPECT_TRUE(says(error_of(tagged(std::string("int\0", 4))), "a type's text"));
}

TEST(PickleCheckTest, RefusesObjectsOfEnums) {
  const std::string reduced = pickle("c__torch__.colors\nColor\n}R");
  EXPECT_EQ(error_of(reduced, true, {"Other", "colors"}), "");
  EXPECT_TRUE(says(error_of(reduced, true, {"Color"}), "save the value itself"));
  // However the name is cut in two, and where the object is not made at all.
  EXPECT_TRUE(says(error_of(pickle("c__torch__\ncolors.Color\n"), true, {"Color"}), "__torch__.colors.Color"));
  // An enum's value is no dict.
  EXPECT_TRUE(says(error_of(pickle("c__torch__.colors\nColor\nK\x01R"), true), "save the value itself"));
  EXPECT_TRUE(says(error_of(pickle("c__torch__.colors\nColor\nK\x01\x85R"), true), "save the value itself"));
}

TEST(PickleCheckTest, RefusesAStorageThatIsReadTwice) {
  const std::string args = "(" + pickled_text("storage") + "ctorch\nFloatStorage\n" + pickled_text("0") +
                           pickled_text("cpu") + pickled_byte(1) + "t";
  EXPECT_EQ(error_of(pickle(args + "Qq\x01h\x01\x86")), "");
  EXPECT_TRUE(says(error_of(pickle(args + "q\x01Qh\x01Q\x86")), "more than once"));
  // An empty one is not read.
  const std::string empty = "(" + pickled_text("storage") + "ctorch\nFloatStorage\n" + pickled_text("7") +
                            pickled_text("cpu") + pickled_byte(0) + "t";
  EXPECT_EQ(error_of(pickle(empty + "q\x01Qh\x01Q\x86")), "");
}

TEST(PickleCheckTest, RefusesAStorageWithoutMemory) {
  const auto on = [](const std::string& device) {
    return pickle("(" + pickled_text("storage") + "ctorch\nFloatStorage\n" + pickled_text("0") + pickled_text(device) +
                  pickled_byte(1) + "tQ");
  };
  EXPECT_EQ(error_of(on("cuda:0")), "");
  EXPECT_TRUE(says(error_of(on("meta")), "describes a storage"));
}

TEST(PickleCheckTest, RefusesAQuantizedTensorWithoutAScaleForEachChannel) {
  const auto values = [](const std::string& key, int count) {
    return "ctorch._utils\n_rebuild_tensor_v2\n(" + storage(pickled_byte(count), key) + pickled_byte(0) +
           pickled_byte(count) + "\x85" + pickled_byte(1) + "\x85\x89" + "ccollections\nOrderedDict\n)RtR";
  };
  const auto quantized = [](const std::string& scheme) {  // of 3 by 2
    return pickle("ctorch._utils\n_rebuild_qtensor\n((" + pickled_text("storage") + "ctorch\nQInt8Storage\n" +
                  pickled_text("0") + pickled_text("cpu") + pickled_byte(6) + "tQ" + pickled_byte(0) + pickled_byte(3) +
                  pickled_byte(2) + "\x86" + pickled_byte(2) + pickled_byte(1) + "\x86(" + scheme + "t\x89" +
                  "ccollections\nOrderedDict\n)RtR");
  };
  const std::string per_channel = "ctorch\nper_channel_affine\n";
  const PickleRules rules{.record_size = [](const std::string&) -> std::optional<uint64_t> { return 100; }};
  const auto error = [&](const std::string& scheme) {
    return std::string(check_pickle(quantized(scheme), rules, "data.pkl").message());
  };
  const std::string words = "a scale and a zero point for each channel";
  EXPECT_EQ(error("ctorch\nper_tensor_affine\nG12345678" + pickled_byte(0)), "");
  EXPECT_EQ(error(per_channel + values("1", 3) + values("2", 3) + pickled_byte(0)), "");
  EXPECT_EQ(error(per_channel + values("1", 2) + values("2", 2) + pickled_byte(1)), "");
  EXPECT_TRUE(says(error(per_channel + values("1", 2) + values("2", 3) + pickled_byte(0)), words));
  EXPECT_TRUE(says(error(per_channel + values("1", 3) + values("2", 1) + pickled_byte(0)), words));
  EXPECT_TRUE(says(error(per_channel + values("1", 3) + values("2", 3) + pickled_byte(2)), words));
  EXPECT_TRUE(says(error(per_channel + values("1", 3) + values("2", 3) + pickled_int64(-1)), words));
  EXPECT_TRUE(says(error("ctorch\nper_tensor_affine\nG12345678"), words));
  EXPECT_TRUE(says(error(pickled_byte(0) + "G12345678" + pickled_byte(0)), words));
}

TEST(PickleCheckTest, RefusesProgramsWithoutEnd) {
  EXPECT_TRUE(says(error_of("\x80\x02" + std::string((1 << 24) + 1, 'N')), "16,777,216 instructions"));
  // The sizes of a tensor may be shared by many: each costs as much as they are long.
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += pickled_byte(1);
  many += "t";
  EXPECT_TRUE(says(error_of(pickle("ctorch._utils\n_rebuild_tensor_v2\n(" + storage(pickled_byte(1)) + pickled_byte(0) +
                                   many + many + "\x89NtR")),
                   "described as LibTorch does not"));
}

}  // namespace
}  // namespace pare
