// SPDX-License-Identifier: Apache-2.0
// What the types of the gate do not let anyone write.
#include <lares/http/router.hpp>

#include <gtest/gtest.h>

#include <concepts>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace lares::http {
namespace {

template <class R, class Handler>
concept AddsWithoutAccess = requires(R& router, Handler handler) {
  router.add(Method::Get, std::vector<std::string>{}, RouteOptions{}, handler);
};

template <class R, Access A, class Handler>
concept Adds = requires(R& router, Handler handler) {
  router.template add<A>(Method::Get, std::vector<std::string>{}, RouteOptions{}, handler);
};

template <class P>
using HandlerOf = Task<Response> (*)(const P&, Request&);

using HandlerWithoutProof = Task<Response> (*)(Request&);

TEST(RouteAccess, IsPartOfTheTypeOfEveryRoute) {
  static_assert(Adds<Router, Access::User, HandlerOf<Requester>>);
  static_assert(!AddsWithoutAccess<Router, HandlerOf<Requester>>);
  static_assert(!AddsWithoutAccess<Router, HandlerOf<Anyone>>);
  static_assert(!AddsWithoutAccess<Router, HandlerWithoutProof>);
}

TEST(RouteAccess, DecidesWhichProofTheHandlerTakes) {
  static_assert(Adds<Router, Access::Public, HandlerOf<Anyone>>);
  static_assert(Adds<Router, Access::Guest, HandlerOf<Requester>>);
  static_assert(Adds<Router, Access::Admin, HandlerOf<Requester>>);
  static_assert(Adds<Router, Access::AppService, HandlerOf<Requester>>);
  static_assert(Adds<Router, Access::Server, HandlerOf<Origin>>);
  static_assert(Adds<Router, Access::Worker, HandlerOf<Peer>>);
  static_assert(!Adds<Router, Access::Public, HandlerOf<Requester>>);
  static_assert(!Adds<Router, Access::User, HandlerOf<Anyone>>);
  static_assert(!Adds<Router, Access::Server, HandlerOf<Requester>>);
  static_assert(!Adds<Router, Access::Worker, HandlerOf<Origin>>);
  static_assert(!Adds<Router, Access::User, HandlerWithoutProof>);
}

TEST(RouteAccess, HasProofsThatOnlyTheGateMakes) {
  static_assert(!std::is_default_constructible_v<Anyone>);
  static_assert(!std::is_constructible_v<Requester, std::shared_ptr<const Account>>);
  static_assert(!std::is_constructible_v<Origin, matrix::ServerName>);
  static_assert(!std::is_constructible_v<Peer, std::string>);
}

}  // namespace
}  // namespace lares::http
