// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <lares/json/canonical.hpp>
#include <lares/json/writer.hpp>

#include <string>

namespace {

using lares::json::Writer;

TEST(Writer, PlacesCommasAndQuotes) {
  std::string out;
  Writer writer{out};
  writer.begin_object();
  writer.key("array")
      .begin_array()
      .value(1)
      .value("two")
      .value(true)
      .null()
      .begin_object()
      .end_object()
      .end_array();
  writer.key("number").value(std::int64_t{-9007199254740991});
  writer.raw_member("\"raw\":[ ]").raw_member("");
  writer.key("z").raw("{\"a\":1}");
  writer.end_object();
  EXPECT_EQ(out, R"({"array":[1,"two",true,null,{}],"number":-9007199254740991,"raw":[ ],"z":{"a":1}})");
}

TEST(Writer, EscapesAsCanonicalJsonDoes) {
  std::string text;
  for (int c = 0; c < 128; ++c) {
    text += static_cast<char>(c);
  }
  text += "é\xF0\x9F\x98\x80";
  std::string out;
  lares::json::append_string(out, text);
  EXPECT_TRUE(lares::json::is_canonical(out));
  EXPECT_EQ(lares::json::canonicalise(out), out);
}

}  // namespace
