// SPDX-License-Identifier: Apache-2.0
#include "output/shared/http_client.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <mutex>
#include <utility>

#include "base/utf8.hpp"

namespace brink::output {
namespace {

constexpr std::size_t kMostBody = 4096;
constexpr std::size_t kMostSaid = 200;

// NOLINTNEXTLINE(bugprone-easily-swappable-parameters): libcurl's signature.
std::size_t keep_beginning(char* data, std::size_t one, std::size_t size, void* to) {
    auto* body = static_cast<std::string*>(to);
    body->append(data, std::min(size, kMostBody - std::min(kMostBody, body->size())));
    return one * size;
}

// Anything but 0 ends the request.
int stop_asked(void* stop_fd, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    pollfd stop{*static_cast<int*>(stop_fd), POLLIN, 0};
    return ::poll(&stop, 1, 0);
}

void initialise_once() {
    static std::once_flag once;
    std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string HttpAnswer::text() const {
    std::string line = body.substr(0, body.find_first_of("\r\n"));
    return line.empty() ? fmt::format("HTTP status {}", status)
                        : fmt::format("HTTP status {}: {}", status,
                                      terminal_safe(line.substr(0, kMostSaid)));
}

struct HttpClient::Handle {
    Handle() : curl((initialise_once(), ::curl_easy_init())) {}
    Handle(const Handle&) = delete;
    Handle& operator=(const Handle&) = delete;
    ~Handle() { ::curl_easy_cleanup(curl); }

    CURL* curl;
    std::array<char, CURL_ERROR_SIZE> error{};
    std::string body;
};

HttpClient::HttpClient(HttpOptions options)
    : options_(std::move(options)), handle_(std::make_unique<Handle>()) {
    CURL* curl = handle_->curl;
    if (!curl) return;
    ::curl_easy_setopt(curl, CURLOPT_URL, options_.url.c_str());
    ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options_.timeout_ms));
    ::curl_easy_setopt(curl, CURLOPT_USERAGENT, "brink-relay");
    ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, handle_->error.data());
    ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep_beginning);
    ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &handle_->body);
    ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_asked);
    ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &options_.stop_fd);
    if (!options_.ca_file.empty())
        ::curl_easy_setopt(curl, CURLOPT_CAINFO, options_.ca_file.c_str());
    if (!options_.user.empty()) {
        ::curl_easy_setopt(curl, CURLOPT_USERNAME, options_.user.c_str());
        ::curl_easy_setopt(curl, CURLOPT_PASSWORD, options_.password.c_str());
    }
}

HttpClient::~HttpClient() = default;

Result<HttpAnswer> HttpClient::post(const std::string& body,
                                    const std::vector<std::string>& headers) {
    CURL* curl = handle_->curl;
    if (!curl) return fail("libcurl cannot be used: no memory", ENOMEM);
    curl_slist* list = nullptr;
    list = ::curl_slist_append(list, "Expect:");  // no pause before the body
    for (const auto* some : {&std::as_const(options_.headers), &headers})
        for (const std::string& header : *some) list = ::curl_slist_append(list, header.c_str());
    const std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)> owner(
        list, ::curl_slist_free_all);
    ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.data());
    handle_->body.clear();
    handle_->error[0] = '\0';
    const CURLcode code = ::curl_easy_perform(curl);
    ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
    if (code != CURLE_OK)
        return fail(fmt::format("{}: {}", options_.url,
                                handle_->error[0] ? handle_->error.data()
                                                  : ::curl_easy_strerror(code)),
                    EIO);
    HttpAnswer answer;
    ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer.status);
    answer.body = handle_->body;
    return answer;
}

Answer HttpClient::deliver(const std::string& body, const std::vector<std::string>& headers,
                           std::size_t entries) {
    const auto answer = post(body, headers);
    return answer ? judge(*answer, entries) : Answer::failed(answer.error().message);
}

Answer HttpClient::judge(const HttpAnswer& answer, std::size_t entries) const {
    switch (answer.status) {
        case 400:
        case 413:
        case 415:
        case 422: return Answer::refused(entries, answer.text());
        default: break;
    }
    if (answer.status / 100 == 2) return Answer::taken(entries, answer.text());
    return Answer::failed(fmt::format("{}: {}", options_.url, answer.text()));
}

HttpOptions http_options(Settings& settings, const Surroundings& surroundings,
                         std::string_view example_url, const std::string& token_header) {
    HttpOptions options;
    options.url = settings.required_text("url", example_url);
    if (!options.url.empty() && !options.url.starts_with("http://") &&
        !options.url.starts_with("https://"))
        settings.complain("url", fmt::format("{} is no address; write, for example, {}",
                                             in_quotes(options.url), example_url));
    options.timeout_ms = settings.duration_ms("timeout", options.timeout_ms);
    options.ca_file = settings.text("ca_file");
    options.headers = settings.texts("headers");
    for (const std::string& header : options.headers)
        if (header.find(": ") == std::string::npos ||
            header.find_first_of("\r\n") != std::string::npos)
            settings.complain("headers", fmt::format("{} is no header; write \"Name: value\"",
                                                     in_quotes(header)));
    options.user = settings.text("user");
    options.password = settings.secret("password_file");
    if (const std::string token = settings.secret("token_file"); !token.empty())
        options.headers.push_back(token_header + token);
    options.stop_fd = surroundings.stop_fd;
    return options;
}

}  // namespace brink::output
