// SPDX-License-Identifier: Apache-2.0
// HttpClient: POST requests to one receiver over a connection that is kept, by libcurl. Certificates are verified.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "output/output.hpp"

namespace brink::output {

struct HttpAnswer {
    long status = 0;
    std::string body;  ///< its first 4 KiB

    /// "503 Service Unavailable: the first line of the body", fit for a line.
    [[nodiscard]] std::string text() const;
};

struct HttpOptions {
    std::string url;
    int timeout_ms = 10'000;           ///< for the whole of a request
    std::vector<std::string> headers;  ///< with every request: "Name: value"
    std::string ca_file;               ///< instead of the system's certificates
    std::string user;                  ///< with password: basic authentication
    std::string password;
    int stop_fd = -1;  ///< Surroundings::stop_fd
};

class HttpClient {
  public:
    explicit HttpClient(HttpOptions options);
    ~HttpClient();
    HttpClient(const HttpClient&) = delete;
    HttpClient& operator=(const HttpClient&) = delete;

    /// Errors: no answer within the time, or none that is HTTP.
    [[nodiscard]] Result<HttpAnswer> post(const std::string& body,
                                          const std::vector<std::string>& headers);

    /// What an answer means for `entries` entries: 2xx is taken; 400, 413, 415 and 422 say that this content will never be taken; whatever
    /// else may be better later (a wrong password is put right, a server comes back).
    [[nodiscard]] Answer judge(const HttpAnswer& answer, std::size_t entries) const;
    /// Both.
    [[nodiscard]] Answer deliver(const std::string& body, const std::vector<std::string>& headers,
                                 std::size_t entries);

  private:
    struct Handle;
    HttpOptions options_;
    std::unique_ptr<Handle> handle_;
};

/// The settings of an output that speaks HTTP: url, timeout, ca_file, user, password_file, token_file, headers. `token_header` is
/// what stands before the token.
[[nodiscard]] HttpOptions http_options(Settings& settings, const Surroundings& surroundings,
                                       std::string_view example_url,
                                       const std::string& token_header = "Authorization: Bearer ");

}  // namespace brink::output
