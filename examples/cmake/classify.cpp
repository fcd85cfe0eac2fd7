// Classify pictures on all cores, each a PPM or PGM file of 8 bits: a context for each thread, the weights for all.
#include "network.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

struct Picture {
    int width = 0, height = 0, channels = 0;
    std::vector<unsigned char> pixels;
};

static Picture read(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    std::string kind;
    Picture picture;
    int most = 0;
    file >> kind >> picture.width >> picture.height >> most;
    file.get();
    const auto plausible = [](int edge) { return edge > 0 && edge <= 10000; };
    if (!file || most != 255 || (kind != "P5" && kind != "P6") || !plausible(picture.width) ||
        !plausible(picture.height))
        return {};
    picture.channels = kind == "P6" ? 3 : 1;
    picture.pixels.resize(std::size_t(picture.width) * picture.height * picture.channels);
    file.read(reinterpret_cast<char *>(picture.pixels.data()), std::streamsize(picture.pixels.size()));
    return file ? picture : Picture{};
}

class Network
{ // one for each thread
  public:
    Network() : memory_(network_context_size()), context_(network_init(memory_.data(), memory_.size(), nullptr)) {}

    std::string classify(const Picture &picture)
    {
        std::vector<unsigned char> room(network_prepare_size(picture.width, picture.height) + 8);
        network_status status = network_prepare(picture.pixels.data(), picture.width, picture.height, picture.channels,
                                                room.data(), room.size(), input_.data());
        if (status == NETWORK_OK) status = network_run(context_, input_.data(), output_.data());
        if (status != NETWORK_OK) return network_message(status);
        const auto best = std::max_element(output_.begin(), output_.end()) - output_.begin();
        char text[96];
        std::snprintf(text, sizeof text, "%s %.2f", best < NETWORK_LABELS ? network_labels[best] : "?", output_[best]);
        return text;
    }

  private:
    std::vector<unsigned char> memory_;
    std::vector<float> input_ = std::vector<float>(NETWORK_HEIGHT * NETWORK_WIDTH * NETWORK_CHANNELS);
    std::vector<float> output_ = std::vector<float>(NETWORK_OUTPUTS);
    network_context *context_;
};

int main(int argc, char **argv)
{
    std::vector<std::string> answers(argc);
    std::atomic<int> next{1};
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < std::max(1u, std::thread::hardware_concurrency()); i++)
        threads.emplace_back([&] {
            Network network;
            for (int at = next++; at < argc; at = next++) answers[at] = network.classify(read(argv[at]));
        });
    for (auto &thread : threads) thread.join();
    for (int at = 1; at < argc; at++) std::printf("%s: %s\n", argv[at], answers[at].c_str());
    return 0;
}
