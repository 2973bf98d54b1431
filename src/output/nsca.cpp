// SPDX-License-Identifier: Apache-2.0
// nsca: results of passive checks to the NSCA daemon of a Nagios on another machine: packets of version 3, whole (4304
// bytes), encrypted as its decryption_method says.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "output/output.hpp"
#include "output/shared/connection.hpp"
#include "output/shared/passive_checks.hpp"

namespace brink::output {
namespace {

constexpr std::uint16_t kPort = 5667;
constexpr std::size_t kIvBytes = 128;

// init_packet and data_packet of nsca's common.h; numbers are big-endian.
struct Greeting {
    std::array<unsigned char, kIvBytes> iv;
    std::uint32_t timestamp;
};
static_assert(sizeof(Greeting) == 132);

struct Packet {
    std::int16_t version;
    std::int16_t padding;
    std::uint32_t crc32;
    std::uint32_t timestamp;
    std::int16_t code;
    std::array<char, 64> host;
    std::array<char, 128> service;
    std::array<char, 4096> output;
    std::int16_t padding_end;
};
static_assert(sizeof(Packet) == 4304);

template <std::size_t Size>
void put(std::array<char, Size>& field, const std::string& text) {
    std::copy_n(text.begin(), std::min(text.size(), Size - 1), field.begin());
}

// One connection's cipher. mcrypt's "cfb" is CFB with 8 bits, and its keys are padded with zeros.
class Cipher {
  public:
    Cipher(std::string_view method, std::string password, const Greeting& greeting)
        : xor_(method == "xor"), password_(std::move(password)), iv_(greeting.iv) {
        const EVP_CIPHER* cipher = method == "aes"    ? ::EVP_aes_256_cfb8()
                                   : method == "3des" ? ::EVP_des_ede3_cfb8()
                                                      : nullptr;
        if (!cipher) return;
        std::array<unsigned char, EVP_MAX_KEY_LENGTH> key{};
        std::memcpy(key.data(), password_.data(), std::min(password_.size(), key.size()));
        context_.reset(::EVP_CIPHER_CTX_new());
        ::EVP_EncryptInit_ex(context_.get(), cipher, nullptr, key.data(), iv_.data());
    }

    // In place.
    void encrypt(Packet& packet) {
        auto* bytes = reinterpret_cast<unsigned char*>(&packet);
        int size = sizeof packet;
        if (context_) ::EVP_EncryptUpdate(context_.get(), bytes, &size, bytes, size);
        if (!xor_) return;
        for (std::size_t i = 0; i < sizeof packet; ++i) {
            bytes[i] ^= iv_[i % kIvBytes];
            if (!password_.empty())
                bytes[i] ^= static_cast<unsigned char>(password_[i % password_.size()]);
        }
    }

  private:
    bool xor_;
    std::string password_;
    std::array<unsigned char, kIvBytes> iv_;
    std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)> context_{
        nullptr, ::EVP_CIPHER_CTX_free};
};

Packet packet_of(const CheckResult& result, std::uint32_t timestamp) {
    Packet packet{};
    packet.version = static_cast<std::int16_t>(htons(3));
    packet.timestamp = timestamp;
    packet.code = static_cast<std::int16_t>(htons(static_cast<std::uint16_t>(result.status)));
    put(packet.host, result.host);
    put(packet.service, result.service);
    put(packet.output, result.output());
    packet.crc32 = htonl(static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(&packet), sizeof packet)));
    return packet;
}

class Nsca : public PassiveChecks {
  public:
    Nsca(Settings& settings, const Surroundings& surroundings)
        : PassiveChecks(settings, surroundings),
          endpoint_(settings.endpoint("address", kPort)),
          connection_(endpoint_, settings.duration_ms("timeout", 10'000), surroundings.stop_fd),
          method_(settings.choice("encryption", {"none", "xor", "3des", "aes"}, "xor")),
          password_(settings.secret("password_file")) {
        if ((method_ == "3des" || method_ == "aes") && password_.empty())
            settings.complain("password_file",
                              "it has to be there: the password in nsca.cfg is the key");
    }

  protected:
    // The daemon answers nothing; it closes the connection when it has read all that came.
    Answer send(const std::vector<CheckResult>& results) override {
        connection_.close();
        Result<void> done = connection_.open();
        if (done) done = send_packets(results);
        if (done) done = connection_.finish();
        if (!done) return Answer::failed(done.error().message);
        return Answer::taken(1, fmt::format("{} has read {} packets; NSCA says nothing of what it "
                                            "made of them",
                                            endpoint_.text(), results.size()));
    }

  private:
    Result<void> send_packets(const std::vector<CheckResult>& results) {
        const auto bytes = connection_.receive(sizeof(Greeting));
        if (!bytes) return tl::unexpected(bytes.error());
        Greeting greeting{};
        std::memcpy(&greeting, bytes->data(), sizeof greeting);
        Cipher cipher(method_, password_, greeting);
        for (const CheckResult& result : results) {
            Packet packet = packet_of(result, greeting.timestamp);
            cipher.encrypt(packet);
            const std::string_view view(reinterpret_cast<const char*>(&packet), sizeof packet);
            if (auto sent = connection_.send(view); !sent) return sent;
        }
        return {};
    }

    Endpoint endpoint_;
    Connection connection_;
    std::string method_;
    std::string password_;
};

}  // namespace

extern const Definition k_nsca;
const Definition k_nsca{
    .type = "nsca",
    .summary = "passive checks, to the NSCA daemon of Nagios",
    .make = [](Settings& settings, const Surroundings& surroundings) -> std::unique_ptr<Output> {
        return std::make_unique<Nsca>(settings, surroundings);
    },
};

}  // namespace brink::output
