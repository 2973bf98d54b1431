// SPDX-License-Identifier: Apache-2.0
// The layout is that of collectd's network.h and its page "Binary protocol". Numbers are big-endian, but for gauges.
#include "output/shared/collectd_packet.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <bit>
#include <cstring>
#include <memory>

namespace brink::output {
namespace {

constexpr std::uint16_t kHost = 0x0000;
constexpr std::uint16_t kPlugin = 0x0002;
constexpr std::uint16_t kPluginInstance = 0x0003;
constexpr std::uint16_t kType = 0x0004;
constexpr std::uint16_t kTypeInstance = 0x0005;
constexpr std::uint16_t kValues = 0x0006;
constexpr std::uint16_t kTime = 0x0008;      // in 2^-30 s
constexpr std::uint16_t kInterval = 0x0009;  // the same
constexpr std::uint16_t kMessage = 0x0100;
constexpr std::uint16_t kSeverity = 0x0101;
constexpr std::uint16_t kSignature = 0x0200;
constexpr std::uint16_t kEncryption = 0x0210;
constexpr std::uint8_t kGauge = 1;
constexpr std::size_t kMostMessage = 255;
constexpr std::size_t kIvBytes = 16;

const unsigned char* bytes_of(const std::string& text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

void append_number(std::string& to, std::uint64_t number, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) to += static_cast<char>(number >> (8 * i) & 0xff);
}

std::uint64_t high_resolution(std::int64_t ns) {
    const auto whole = static_cast<std::uint64_t>(ns / 1'000'000'000);
    const auto fraction = static_cast<std::uint64_t>(ns % 1'000'000'000);
    return (whole << 30) + (fraction << 30) / 1'000'000'000;
}

template <std::size_t Size>
std::string text_of(const std::array<unsigned char, Size>& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

void CollectdPacket::add_text(std::uint16_t type, const std::string& text, std::size_t most) {
    const std::string kept = text.substr(0, std::min(most, text.find('\0')));
    append_number(bytes_, type, 2);
    append_number(bytes_, kept.size() + 5, 2);
    bytes_ += kept;
    bytes_ += '\0';
}

void CollectdPacket::add_number(std::uint16_t type, std::uint64_t number) {
    append_number(bytes_, type, 2);
    append_number(bytes_, 12, 2);
    append_number(bytes_, number, 8);
}

void CollectdPacket::add_name(const CollectdName& name) {
    add_text(kHost, name.host);
    add_number(kTime, high_resolution(name.time_ns));
    add_number(kInterval, high_resolution(name.interval_ns));
    add_text(kPlugin, name.plugin);
    add_text(kPluginInstance, name.plugin_instance);
    add_text(kType, name.type);
    add_text(kTypeInstance, name.type_instance);
}

void CollectdPacket::add_gauge(const CollectdName& name, double value) {
    add_name(name);
    append_number(bytes_, kValues, 2);
    append_number(bytes_, 2 + 2 + 2 + 1 + 8, 2);
    append_number(bytes_, 1, 2);
    bytes_ += static_cast<char>(kGauge);
    std::uint64_t bits = std::bit_cast<std::uint64_t>(value);
    for (unsigned i = 0; i < 8; ++i) bytes_ += static_cast<char>(bits >> (8 * i) & 0xff);
}

void CollectdPacket::add_notification(const CollectdName& name, CollectdSeverity severity,
                                      const std::string& message) {
    add_name(name);
    add_number(kSeverity, static_cast<std::uint64_t>(severity));
    add_text(kMessage, message, kMostMessage);
}

std::string CollectdPacket::signed_by(const std::string& user, const std::string& password) const {
    const std::string covered = user + bytes_;
    std::array<unsigned char, SHA256_DIGEST_LENGTH> mac{};
    unsigned size = mac.size();
    ::HMAC(::EVP_sha256(), password.data(), static_cast<int>(password.size()), bytes_of(covered),
           covered.size(), mac.data(), &size);
    std::string packet;
    append_number(packet, kSignature, 2);
    append_number(packet, 4 + mac.size() + user.size(), 2);
    return packet + text_of(mac) + covered;
}

Result<std::string> CollectdPacket::encrypted_for(const std::string& user,
                                                  const std::string& password) const {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> key{};
    std::array<unsigned char, SHA_DIGEST_LENGTH> checksum{};
    std::array<unsigned char, kIvBytes> iv{};
    unsigned size = 0;
    ::EVP_Digest(password.data(), password.size(), key.data(), &size, ::EVP_sha256(), nullptr);
    ::EVP_Digest(bytes_.data(), bytes_.size(), checksum.data(), &size, ::EVP_sha1(), nullptr);
    const std::unique_ptr<EVP_CIPHER_CTX, decltype(&::EVP_CIPHER_CTX_free)> context(
        ::EVP_CIPHER_CTX_new(), ::EVP_CIPHER_CTX_free);
    const std::string plain = text_of(checksum) + bytes_;
    std::string secret(plain.size(), '\0');
    int written = 0;
    if (::RAND_bytes(iv.data(), iv.size()) != 1 ||
        ::EVP_EncryptInit_ex(context.get(), ::EVP_aes_256_ofb(), nullptr, key.data(), iv.data()) !=
            1 ||
        ::EVP_EncryptUpdate(context.get(), reinterpret_cast<unsigned char*>(secret.data()),
                            &written, bytes_of(plain), static_cast<int>(plain.size())) != 1)
        return fail("OpenSSL cannot encrypt with AES-256-OFB");
    std::string packet;
    append_number(packet, kEncryption, 2);
    append_number(packet, 2 + 2 + 2 + user.size() + iv.size() + secret.size(), 2);
    append_number(packet, user.size(), 2);
    return packet + user + text_of(iv) + secret;
}

}  // namespace brink::output
