// SPDX-License-Identifier: Apache-2.0
// webhook: each event as a CloudEvent (1.0) in a POST request: binary mode has the attributes in headers and the event as
// the body, structured mode has all of it in the body. With a secret, requests are signed as standardwebhooks.com says:
// HMAC-SHA256 over identifier, time and body.
#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "output/output.hpp"
#include "output/shared/cloud_event.hpp"
#include "output/shared/http_client.hpp"

namespace brink::output {
namespace {

std::string base64(std::string_view bytes) {
    std::string text(4 * ((bytes.size() + 2) / 3), '\0');
    ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                      reinterpret_cast<const unsigned char*>(bytes.data()),
                      static_cast<int>(bytes.size()));
    return text;
}

std::string hmac_sha256(const std::string& key, const std::string& text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
    return {reinterpret_cast<const char*>(digest.data()), size};
}

// Attributes in headers are percent-encoded (CloudEvents HTTP binding, 3.1.3.2).
std::string header_value(std::string_view text) {
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte < 0x7f && c != '"' && c != '%')
            encoded += c;
        else
            encoded += fmt::format("%{:02X}", byte);
    }
    return encoded;
}

class Webhook : public Output {
  public:
    Webhook(Settings& settings, const Surroundings& surroundings)
        : host_(surroundings.host),
          client_(http_options(settings, surroundings, "https://example.com/hook")),
          structured_(settings.choice("mode", {"binary", "structured"}, "binary") == "structured"),
          source_(settings.text("source")),
          secret_(settings.secret("secret_file")) {}

    Answer deliver(std::span<const Entry> entries) override {
        const Entry& entry = entries.front();
        const Attributes attributes = cloud_attributes_of(entry, host_, source_);
        std::vector<std::string> headers;
        std::string body;
        if (structured_) {
            headers.emplace_back("Content-Type: application/cloudevents+json; charset=utf-8");
            body = structured_body(attributes, entry.json);
        } else {
            headers.emplace_back("Content-Type: application/json");
            for (const auto& [name, value] : attributes)
                headers.push_back(fmt::format("ce-{}: {}", name, header_value(value)));
            body = entry.json;
        }
        if (!secret_.empty()) sign(headers, attributes.front().second, body);
        return client_.deliver(body, headers, 1);
    }

  private:
    using Attributes = std::vector<std::pair<std::string, std::string>>;

    [[nodiscard]] static std::string structured_body(const Attributes& attributes,
                                                     const std::string& json) {
        std::string body = "{";
        for (const auto& [name, value] : attributes)
            body +=
                fmt::format("\"{}\":{},", name,
                            nlohmann::json(value).dump(-1, ' ', false,
                                                       nlohmann::json::error_handler_t::replace));
        return body + "\"datacontenttype\":\"application/json\",\"data\":" + json + "}";
    }

    void sign(std::vector<std::string>& headers, const std::string& id,
              const std::string& body) const {
        const std::string time = std::to_string(std::time(nullptr));
        headers.push_back("webhook-id: " + id);
        headers.push_back("webhook-timestamp: " + time);
        headers.push_back("webhook-signature: v1," +
                          base64(hmac_sha256(secret_, id + "." + time + "." + body)));
    }

    std::string host_;
    HttpClient client_;
    bool structured_;
    std::string source_;
    std::string secret_;
};

}  // namespace

extern const Definition k_webhook;
const Definition k_webhook{
    .type = "webhook",
    .summary = "CloudEvents to any HTTP server, signed",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Webhook>(settings, surroundings);
    },
};

}  // namespace brink::output
