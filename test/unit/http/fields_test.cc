#include "http/fields.h"

#include <doctest/doctest.h>

#include <string>

using namespace weir;

TEST_CASE("fields: every name of the table is known in any case, and no other") {
  for (std::size_t i = 1; i < field_ids; ++i) {
    const auto id = static_cast<FieldId>(i);
    const std::string name(field_name(id));
    CAPTURE(name);
    CHECK(field_id(name) == id);
    std::string changed = name;
    for (char& c : changed) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    CHECK(field_id(changed) == id);
    for (char& c : changed) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    CHECK(field_id(changed) == id);
    CHECK(field_id(name + "x") == FieldId::other);
    CHECK(field_id(name.substr(1)) == FieldId::other);
    changed[changed.size() / 2] = '~';
    CHECK(field_id(changed) == FieldId::other);
  }
  CHECK(field_id("") == FieldId::other);
  CHECK(field_id_of_alias("X_Forwarded_For") == FieldId::x_forwarded_for);
  CHECK(field_id_of_alias(std::string(1000, 'a')) == FieldId::other);
}

TEST_CASE("fields: adding, replacing and removing keep order and the presence bits right") {
  Fields fields;
  fields.add("A", "1");
  fields.add("cookie", "x");
  fields.add("B", "2");
  fields.add(FieldId::cookie, "y");
  CHECK(fields.count(FieldId::cookie) == 2);
  CHECK(fields.find("COOKIE")->value == "x");
  CHECK(fields.find("b")->value == "2");
  CHECK(fields.find("c") == nullptr);
  fields.set(FieldId::cookie, "z");
  CHECK(fields.count(FieldId::cookie) == 1);
  CHECK(fields[1].value == "z");
  CHECK(fields.remove("a") == 1);
  CHECK(fields.size() == 2);
  CHECK(fields.remove(FieldId::cookie) == 1);
  CHECK_FALSE(fields.has(FieldId::cookie));
  CHECK(fields.remove(FieldId::cookie) == 0);
  fields.set("B", "3");
  fields.set("D", "4");
  CHECK(fields.size() == 2);
  fields.add("X_Real_IP", "1");
  CHECK(fields.remove_aliases("X-Real-IP") == 1);
  fields.clear();
  CHECK_FALSE(fields.has(FieldId::other));
}
